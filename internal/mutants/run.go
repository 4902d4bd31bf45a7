package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Runner tries mutants.
type Runner struct {
	Root  string        // of the module
	Limit time.Duration // for one run of one test
	Log   io.Writer     // one line for each mutant
	Many  int           // how many mutants are tried at a time
}

// Result is how one mutant fared.
type Result struct {
	Mutant Mutant
	Err    error // nil if the named test failed, as it must
	Took   time.Duration
}

// errSurvived: the test passes although its guarantee is gone.
var errSurvived = errors.New("survived: the test passes without the guarantee")

// Run tries all mutants and returns how many were caught. The error joins what
// went wrong with the others. A test that fails without a patch catches nothing.
func (r Runner) Run(ctx context.Context, all []Mutant) (caught int, err error) {
	scratch, err := os.MkdirTemp("", "countersign-mutants-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	sound := r.baseline(ctx, scratch, all)
	results := make([]Result, len(all))
	r.each(len(all), func(i int) {
		m, began := all[i], time.Now()
		dir := filepath.Join(scratch, m.Name)
		err := sound[testOf(m)]
		if err == nil {
			err = r.try(ctx, dir, m)
		}
		results[i] = Result{m, err, time.Since(began)}
		r.report(results[i])
		os.RemoveAll(dir)
	})
	var failed []error
	for _, res := range results {
		if res.Err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", res.Mutant.Name, res.Err))
			continue
		}
		caught++
	}
	return caught, errors.Join(failed...)
}

var logMu sync.Mutex

func (r Runner) report(res Result) {
	word := "caught  "
	if res.Err != nil {
		word = "NOT OK  "
	}
	logMu.Lock()
	defer logMu.Unlock()
	fmt.Fprintf(r.Log, "%s%-4s%-44s %s %s (%.1f s)\n", word, res.Mutant.Label, res.Mutant.Name, res.Mutant.Package, res.Mutant.Run, res.Took.Seconds())
}

// each calls fn for 0 to n-1, some at a time.
func (r Runner) each(n int, fn func(i int)) {
	var wg sync.WaitGroup
	places := make(chan struct{}, max(1, r.Many))
	for i := range n {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			fn(i)
		})
	}
	wg.Wait()
}

// test is what a mutant names.
type test struct{ pkg, run string }

func testOf(m Mutant) test { return test{m.Package, m.Run} }

// baseline runs every named test once as the code stands, and says what is wrong
// with those that do not pass.
func (r Runner) baseline(ctx context.Context, scratch string, all []Mutant) map[test]error {
	wrong, programs := map[test]error{}, map[string]string{}
	var tests []test
	for _, m := range all {
		t := testOf(m)
		if _, seen := wrong[t]; seen {
			continue
		}
		wrong[t] = nil
		tests = append(tests, t)
		if programs[t.pkg] == "" {
			dir := filepath.Join(scratch, fmt.Sprint("baseline-", len(programs)))
			programs[t.pkg] = filepath.Join(dir, "tests")
			wrong[t] = r.build(ctx, dir, t.pkg, nil)
		}
	}
	var mu sync.Mutex
	r.each(len(tests), func(i int) {
		t := tests[i]
		out, err := r.start(ctx, programs[t.pkg], t)
		if err == nil && !strings.Contains(out, "--- PASS") {
			err = errors.New("no test has this name")
		}
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			wrong[t] = fmt.Errorf("without the patch %s does not pass: %w\n%s", t.run, err, tail(out))
		}
	})
	return wrong
}

// try applies one mutant and fails unless its test does not pass any more.
func (r Runner) try(ctx context.Context, dir string, m Mutant) error {
	changed, err := m.Apply(r.Root)
	if err != nil {
		return err
	}
	if err := r.build(ctx, dir, m.Package, changed); err != nil {
		return err
	}
	out, err := r.start(ctx, filepath.Join(dir, "tests"), testOf(m))
	switch {
	case err == nil:
		return errSurvived
	case !strings.Contains(out, "--- FAIL: "):
		return fmt.Errorf("the test did not come to an end: %w\n%s", err, tail(out))
	}
	return nil
}

// Apply returns the patched files of a mutant by their names below root.
func (m Mutant) Apply(root string) (map[string]string, error) {
	changed := map[string]string{}
	for _, p := range m.Patches {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(p.File)))
		if err != nil {
			return nil, err
		}
		if changed[p.File], err = p.Apply(string(text)); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// build makes the test program of a package, with changed files in the place of
// those on disk.
func (r Runner) build(ctx context.Context, dir, pkg string, changed map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	overlay, err := r.overlay(dir, changed)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay, "-o", filepath.Join(dir, "tests"), pkg)
	cmd.Dir = r.Root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the tests of %s: %w\n%s", pkg, err, tail(string(out)))
	}
	return nil
}

// overlay writes the changed files and the list that go build reads.
func (r Runner) overlay(dir string, changed map[string]string) (string, error) {
	root, err := filepath.Abs(r.Root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for name, text := range changed {
		file := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(name))] = file
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
}

// start runs a test program beside a copy of its package's testdata, because
// tests that fail may leave files behind.
func (r Runner) start(ctx context.Context, program string, t test) (string, error) {
	dir, err := os.MkdirTemp(filepath.Dir(program), "run-")
	if err != nil {
		return "", err
	}
	samples := filepath.Join(r.Root, filepath.FromSlash(t.pkg), "testdata")
	if _, err := os.Stat(samples); err == nil {
		if err := os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS(samples)); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.v", "-test.run", t.run)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", fmt.Errorf("it ran into the limit of %s", r.Limit)
	}
	return string(out), err
}

// tail is the end of an output, enough to see what went wrong.
func tail(out string) string {
	const most = 1500
	return out[max(0, len(out)-most):]
}
