package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"countersign": main})
}

type gatewayKey struct{}

// TestScripts plays the scripts in testdata against a gateway of canned answers.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			f := newFakeGateway()
			env.Defer(f.Close)
			env.Defer(f.CloseClientConnections) // ends what hangs
			env.Values[gatewayKey{}] = f
			env.Setenv("URL", f.URL)
			if err := f.listenTLS(env); err != nil {
				return err
			}
			env.Setenv("TENANT", "0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10")
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/settings")
			env.Setenv("COUNTERSIGN_URL", f.URL)
			env.Setenv("COUNTERSIGN_CLIENT_ID", "plant-7")
			env.Setenv("COUNTERSIGN_CLIENT_SECRET", "s3cret")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "gateway": gatewayScript, "mode": mode, "replace": replace, "replace-id": replaceID,
			"written": written, "nowhere": nowhere, "count": count,
		},
	})
}

// exits CODE command…: runs a command and compares its exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// mode FILE BITS compares a file's permissions.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := strconv.FormatInt(int64(info.Mode().Perm()), 8); got != args[1] {
		ts.Fatalf("mode %s, want %s", got, args[1])
	}
}

// replace FILE OLD NEW changes a text in a file, which must be there.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	text := ts.ReadFile(path)
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(path, []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// written FILE TIME sets when a file was last written.
func written(ts *testscript.TestScript, _ bool, args []string) {
	at, err := time.Parse(time.RFC3339, args[1])
	ts.Check(err)
	ts.Check(os.Chtimes(ts.MkAbs(args[0]), at, at))
}

// count PATTERN N counts files.
func count(ts *testscript.TestScript, _ bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if want, err := strconv.Atoi(args[1]); err != nil || len(found) != want {
		ts.Fatalf("%d files, want %s", len(found), args[1])
	}
}

// nowhere TEXT FILE…: no file holds the text or bears it in its name, but the named
// ones, nor did the last command print it.
func nowhere(ts *testscript.TestScript, _ bool, args []string) {
	for _, out := range []string{"stdout", "stderr"} {
		if strings.Contains(ts.ReadFile(out), args[0]) {
			ts.Fatalf("%s shows it:\n%s", out, ts.ReadFile(out))
		}
	}
	but := map[string]bool{}
	for _, file := range args[1:] {
		but[ts.MkAbs(file)] = true
	}
	ts.Check(filepath.WalkDir(ts.MkAbs("."), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || but[path] {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), args[0]) || strings.Contains(path, args[0]) {
			ts.Fatalf("%s holds it", path)
		}
		return err
	}))
}

var requestID = regexp.MustCompile(`"requestId": "[0-9a-f-]{36}"`)

// replaceID FILE writes what a command printed to a file, without its random id.
func replaceID(ts *testscript.TestScript, _ bool, args []string) {
	text := requestID.ReplaceAllString(ts.ReadFile("stdout"), `"requestId": "REQUEST-ID"`)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// gatewayScript changes the gateway of a script, or asks what it saw.
func gatewayScript(ts *testscript.TestScript, _ bool, args []string) {
	f, _ := ts.Value(gatewayKey{}).(*fakeGateway)
	if args[0] == "await-hanging" {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		select {
		case <-f.hanging:
		case <-ctx.Done():
			ts.Fatalf("no submission came")
		}
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	number := func() int {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		return n
	}
	equal := func(got int) {
		if want := number(); got != want {
			ts.Fatalf("%s: %d, want %d", args[0], got, want)
		}
	}
	switch args[0] {
	case "refuse":
		f.refuse, f.after = args[1], ""
		if len(args) > 2 {
			f.after = args[2]
		}
	case "up":
		f.refuse, f.down, f.lose, f.die, f.hang, f.cutRows = "", false, 0, 0, false, false
	case "down":
		f.down = true
	case "hang":
		f.hang = true
	case "cut-rows":
		f.cutRows = true
	case "lose":
		f.lose = number()
	case "finish":
		for _, u := range f.uploads {
			u.State, u.Rows.Open, u.Rows.Total = "finished", 0, 0
			rows := u.rows
			u.rows = nil
			for _, row := range rows {
				u.add(row.Row, strings.TrimPrefix(row.SerialNumber, "OPEN"))
				u.rows[len(u.rows)-1].SerialNumber = row.SerialNumber
			}
		}
	case "die": // gateway die N: it is gone after it has stored the Nth submission from now
		f.die = number()
	case "domain":
		f.domain = args[1]
	case "asked": // gateway asked QUERY: the last list was asked for with it
		if got := f.asked[len(f.asked)-1]; got != args[1] {
			ts.Fatalf("query %q, want %q", got, args[1])
		}
	case "never": // gateway never TEXT: no submission held it
		if strings.Contains(strings.Join(f.bodies, "")+strings.Join(f.queries, ""), args[1]) {
			ts.Fatalf("it was sent")
		}
	case "rows": // gateway rows N: so many rows are stored, no serial number twice
		seen := map[string]bool{}
		for _, u := range f.uploads {
			for _, row := range u.rows {
				if seen[row.SerialNumber] {
					ts.Fatalf("%s is there twice", row.SerialNumber)
				}
				seen[row.SerialNumber] = true
			}
		}
		equal(len(seen))
	case "forget":
		f.uploads = nil
	case "uploads":
		equal(len(f.uploads))
	case "ids":
		equal(len(f.ids))
	case "body": // gateway body FILE: the last body is the file, its last line end aside
		if got, want := f.bodies[len(f.bodies)-1], ts.ReadFile(args[1]); got != strings.TrimSuffix(want, "\n") && got != want {
			ts.Fatalf("body\n%q, want\n%q", got, want)
		}
	case "query":
		if got := f.queries[len(f.queries)-1]; got != args[1] {
			ts.Fatalf("query %q, want %q", got, args[1])
		}
	case "type":
		if got := f.types[len(f.types)-1]; got != args[1] {
			ts.Fatalf("content type %q, want %q", got, args[1])
		}
	default:
		ts.Fatalf("gateway: what is %q?", args[0])
	}
}
