package e2e

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/db"
)

// The tour of the README is run as a newcomer would, on both databases, and what
// it prints is compared. Ids and secrets of the README stand for those of the
// run: each is bound where it first appears in the output, and later commands
// use what it is bound to.

var update = flag.Bool("update", false, "write the tour's output into the README")

const readme = "../../README.md"

const tourURL = "http://127.0.0.1:8080"

var (
	tokens = regexp.MustCompile(`(?:[pto]-)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|cs_[A-Za-z0-9_-]{43}|/portal/r/[A-Za-z0-9_-]{43}`)
	times  = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z`)
	spaces = regexp.MustCompile(`[ \t]+`)
)

// asAtHome shows links as a newcomer's server makes them: these servers have a name.
func asAtHome(output []string) []string {
	for i, line := range output {
		output[i] = strings.ReplaceAll(line, "http://gateway.test", tourURL)
	}
	return output
}

// step is one command of the tour with the output the README shows.
type step struct {
	command string
	output  []string
}

// tour reads the console blocks. Each is a list of steps, and the text between
// blocks is kept for an update.
func tour(t *testing.T) (text []string, blocks [][]step) {
	t.Helper()
	raw, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range strings.Split(string(raw), "```console\n") {
		if i == 0 {
			text = append(text, part)
			continue
		}
		block, after, ok := strings.Cut(part, "```")
		if !ok {
			t.Fatal("a console block of the README does not end")
		}
		text = append(text, after)
		var steps []step
		for line := range strings.Lines(block) {
			line = strings.TrimSuffix(line, "\n")
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{command: command})
				continue
			}
			last := &steps[len(steps)-1]
			last.output = append(last.output, line)
		}
		blocks = append(blocks, steps)
	}
	return text, blocks
}

// shell is one terminal of the newcomer.
type shell struct {
	t     *testing.T
	stdin io.Writer
	lines chan string
}

func newShell(t *testing.T, dir string, env []string) *shell {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash")
	cmd.Dir, cmd.Env = dir, env
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &lockedBuffer{}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, stdin: stdin, lines: make(chan string, 1000)}
	go func() {
		defer close(s.lines)
		raw := make([]byte, 64<<10)
		var rest string
		for {
			n, err := stdout.Read(raw)
			rest += string(raw[:n])
			for {
				line, after, ok := strings.Cut(rest, "\n")
				if !ok {
					break
				}
				s.lines <- line
				rest = after
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	return s
}

// run executes a command and returns the lines it printed on standard output;
// progress goes to standard error.
func (s *shell) run(command string) []string {
	s.t.Helper()
	const mark = "--- end of step ---"
	if _, err := fmt.Fprintf(s.stdin, "%s\necho '%s'\n", command, mark); err != nil {
		s.t.Fatal(err)
	}
	var out []string
	timeout := time.After(60 * time.Second)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("the shell ended in %q", command)
			}
			if line == mark {
				return out
			}
			out = append(out, strings.TrimRight(line, " "))
		case <-timeout:
			s.t.Fatalf("%q does not end", command)
		}
	}
}

// binding maps tokens of the README to tokens of this run.
type binding map[string]string

func (b binding) apply(command string) string {
	return tokens.ReplaceAllStringFunc(command, func(token string) string {
		if actual, ok := b[token]; ok {
			return actual
		}
		return token
	})
}

// compare binds new tokens and reports the first difference.
func (b binding) compare(want, got []string) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d lines, the README shows %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if shape(want[i]) != shape(got[i]) {
			return fmt.Errorf("line %d is\n  %s\nand the README shows\n  %s", i+1, got[i], want[i])
		}
		wanted, actual := tokens.FindAllString(want[i], -1), tokens.FindAllString(got[i], -1)
		for j, token := range wanted {
			if bound, ok := b[token]; ok && bound != actual[j] {
				return fmt.Errorf("line %d: %s stands for %s elsewhere in the tour, here for %s", i+1, token, bound, actual[j])
			}
			b[token] = actual[j]
		}
	}
	return nil
}

func shape(line string) string {
	line = tokens.ReplaceAllStringFunc(line, func(token string) string {
		prefix, _, _ := strings.Cut(token, "-")
		if len(prefix) > 1 {
			prefix = token[:2]
		}
		if strings.HasPrefix(token, "cs_") {
			return "<secret>"
		}
		if len(prefix) == 1 {
			return prefix + "-<id>"
		}
		return "<id>"
	})
	return spaces.ReplaceAllString(times.ReplaceAllString(line, "<time>"), " ")
}

func TestReadme_tour(t *testing.T) {
	if *update {
		writeTour(t)
	}
	for _, d := range []db.Dialect{db.SQLite, db.Postgres} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			sh, url := newcomer(t, d)
			bound := binding{}
			_, blocks := tour(t)
			for _, steps := range blocks {
				for _, s := range steps {
					got := asAtHome(sh.run(strings.ReplaceAll(bound.apply(s.command), tourURL, url)))
					if err := bound.compare(s.output, got); err != nil {
						t.Fatalf("$ %s\n%v", s.command, err)
					}
				}
			}
		})
	}
}

// newcomer is a fresh server and a terminal in the folder of a clone.
func newcomer(t *testing.T, d db.Dialect) (*shell, string) {
	t.Helper()
	s := newSite(t, d)
	r := s.start()
	clone := t.TempDir()
	if err := os.Symlink(bin, filepath.Join(clone, "bin")); err != nil {
		t.Fatal(err)
	}
	return newShell(t, clone, s.environ()), r.url
}

// writeTour runs the commands and writes them with their output into the README.
// Ids are bound in the order of their appearance, so that commands keep meaning
// the same things when the output has changed its form.
func writeTour(t *testing.T) {
	t.Helper()
	sh, url := newcomer(t, db.SQLite)
	text, blocks := tour(t)
	bound := binding{}
	var b strings.Builder
	for i, steps := range blocks {
		b.WriteString(text[i] + "```console\n")
		for _, s := range steps {
			command := bound.apply(s.command)
			out := asAtHome(sh.run(strings.ReplaceAll(command, tourURL, url)))
			bound.inOrder(s.output, out)
			b.WriteString("$ " + command + "\n")
			for _, line := range out {
				b.WriteString(strings.ReplaceAll(line, url, tourURL) + "\n")
			}
		}
		b.WriteString("```")
	}
	b.WriteString(text[len(text)-1])
	if err := os.WriteFile(readme, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b binding) inOrder(old, now []string) {
	before := tokens.FindAllString(strings.Join(old, "\n"), -1)
	after := tokens.FindAllString(strings.Join(now, "\n"), -1)
	for i, token := range before {
		if _, ok := b[token]; !ok && i < len(after) {
			b[token] = after[i]
		}
	}
}
