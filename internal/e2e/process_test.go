package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
)

// bin holds the programs, built once for all stories with the race detector
// on, as the tests themselves are.
var bin string

// storiesAtOnce play beside each other on a machine with few cores.
const storiesAtOnce = 4

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	// Stories mostly wait: for leases, faults and other processes.
	flag.Parse()
	if runtime.GOMAXPROCS(0) < storiesAtOnce {
		if err := flag.Set("test.parallel", strconv.Itoa(storiesAtOnce)); err != nil {
			return 1, err
		}
	}
	dir, err := os.MkdirTemp("", "countersign-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-race", "-o", dir+"/", "countersign/cmd/countersignd", "countersign/cmd/countersign", "countersign/cmd/registrard")
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build: %w\n%s", err, out)
	}
	bin = dir
	return m.Run(), nil
}

// site is one installation: a database and a data directory shared by its
// replicas.
type site struct {
	t        *testing.T
	dataDir  string
	gateway  string // database URLs
	core     string
	settings []string
}

// newSite makes an empty installation on a dialect.
func newSite(t *testing.T, d db.Dialect, settings ...string) *site {
	t.Helper()
	s := &site{t: t, dataDir: shortTempDir(t), settings: settings}
	s.gateway = dbtest.URL(t, d)
	s.core = s.gateway
	if d == db.SQLite {
		s.core = dbtest.URL(t, d)
	}
	return s
}

// shortTempDir keeps the path of the operators' socket below the 104 bytes some
// systems allow.
func shortTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (s *site) environ(extra ...string) []string {
	env := append(os.Environ(), "COUNTERSIGN_DATA_DIR="+s.dataDir, "COUNTERSIGN_DATABASE_URL="+s.gateway,
		"COUNTERSIGN_CORE_DATABASE_URL="+s.core, "COUNTERSIGN_DEV=true")
	env = append(env, s.settings...)
	return append(env, extra...)
}

// replica is one running server.
type replica struct {
	t    *testing.T
	url  string
	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan error
	http *http.Client // for a server that speaks TLS; nil for any other
}

// lockedBuffer collects a process's log while the test may read it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a server of the site on a free port and waits until it is ready.
func (s *site) start(extra ...string) *replica {
	s.t.Helper()
	return s.startOn(freeAddress(s.t), extra...)
}

// startAt starts a server again where one was.
func (s *site) startAt(old *replica) *replica {
	s.t.Helper()
	return s.startOn(strings.TrimPrefix(old.url, "http://"))
}

func (s *site) startOn(addr string, extra ...string) *replica {
	s.t.Helper()
	r := &replica{t: s.t, url: "http://" + addr, log: &lockedBuffer{}, done: make(chan error, 1)}
	r.cmd = exec.Command(filepath.Join(bin, "countersignd"), "serve")
	r.cmd.Env = s.environ(append([]string{"COUNTERSIGN_LISTEN=" + addr, "COUNTERSIGN_PUBLIC_URL=http://gateway.test"}, extra...)...)
	r.run(r.url)
	return r
}

// run starts the process and waits until it is ready. The test's end kills it, and
// shows the end of its log when something failed.
func (r *replica) run(name string) {
	r.t.Helper()
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { r.done <- r.cmd.Wait() }()
	r.t.Cleanup(func() {
		r.kill()
		if leaked := secretIn(r.log.String()); leaked != "" {
			r.t.Errorf("the log of %s holds a secret: %s", name, leaked)
		}
		if r.t.Failed() {
			r.t.Logf("log of %s:\n%s", name, tail(r.log.String()))
		}
	})
	r.awaitReady()
}

// Secrets of every kind that stories use, as they would stand in a log: secrets of clients,
// tokens and assertions, private keys, hashes.
var secretForms = regexp.MustCompile(`cs_[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.|PRIVATE KEY|T0E[A-Za-z0-9+/]{100,}|[?&](access_token|client_secret)=[^&\s]`)

// secretIn returns what surrounds the first secret in a text, or nothing.
func secretIn(log string) string {
	at := secretForms.FindStringIndex(log)
	if at == nil {
		return ""
	}
	return log[max(0, at[0]-200):min(len(log), at[0]+12)]
}

func tail(s string) string {
	const keep = 6000
	if len(s) > keep {
		return "…" + s[len(s)-keep:]
	}
	return s
}

func (r *replica) awaitReady() {
	r.t.Helper()
	await(r.t, 30*time.Second, "the server to be ready", func(ctx context.Context) bool {
		select {
		case err := <-r.done:
			r.done <- err
			r.t.Fatalf("the server ended: %v\n%s", err, tail(r.log.String()))
		default:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/readyz", nil)
		if err != nil {
			return false
		}
		cl := r.http
		if cl == nil {
			cl = http.DefaultClient
		}
		res, err := cl.Do(req)
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// kill is kill -9. It waits until the process is gone.
func (r *replica) kill() {
	_ = r.cmd.Process.Kill()
	err := <-r.done
	r.done <- err
}

// stop asks the server to end and reports its exit.
func (r *replica) stop() error {
	r.t.Helper()
	if err := r.cmd.Process.Signal(os.Interrupt); err != nil {
		r.t.Fatal(err)
	}
	err := <-r.done
	r.done <- err
	return err
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// await polls until ok says yes; it fails the test when the time is over.
func await(t *testing.T, atMost time.Duration, what string, ok func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok(ctx) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited %v for %s", atMost, what)
		case <-tick.C:
		}
	}
}

// admin runs an operator's command and decodes its JSON.
func (s *site) admin(out any, args ...string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), filepath.Join(bin, "countersignd"), append(append([]string{"admin"}, args...), "--output", "json")...)
	cmd.Env = s.environ()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("admin %v: %v\n%s", args, err, stderr.String())
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(stdout, out); err != nil {
		s.t.Fatalf("admin %v printed %s: %v", args, stdout, err)
	}
}
