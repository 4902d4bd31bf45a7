package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// commandLine is somebody who uses the command line in a folder of their own. Nothing
// but that folder and the gateway remembers what was done.
type commandLine struct {
	t   *testing.T
	dir string
	env []string
}

func (p *people) commandLine(r *replica, c credential) *commandLine {
	p.t.Helper()
	dir := p.t.TempDir()
	return &commandLine{t: p.t, dir: dir, env: append(os.Environ(),
		"COUNTERSIGN_URL="+r.url, "COUNTERSIGN_CLIENT_ID="+c.ID, "COUNTERSIGN_CLIENT_SECRET="+c.Secret,
		"XDG_CONFIG_HOME="+filepath.Join(dir, ".config"), "HOME="+dir)}
}

// try runs a command and returns what it printed and its exit code.
func (l *commandLine) try(args ...string) (stdout, stderr string, code int) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), filepath.Join(bin, "countersign"), args...)
	cmd.Dir, cmd.Env = l.dir, l.env
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// run is try for a command whose exit code is known.
func (l *commandLine) run(want int, args ...string) string {
	l.t.Helper()
	stdout, stderr, code := l.try(args...)
	if code != want {
		l.t.Fatalf("countersign %q: exit code %d, want %d\n%s%s", args, code, want, stdout, stderr)
	}
	return stdout
}

func (l *commandLine) write(name string, content []byte) {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *commandLine) read(name string) []byte {
	l.t.Helper()
	content, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.t.Fatal(err)
	}
	return content
}
