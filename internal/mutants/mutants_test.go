package mutants_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"countersign/internal/mutants"
)

const root = "../.."

func load(t *testing.T) []mutants.Mutant {
	t.Helper()
	all, err := mutants.Load(os.DirFS("testdata/mutants"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every rule, every amendment and both protocols have their mutants.
func TestWhatIsCovered(t *testing.T) {
	t.Parallel()
	names := map[string]int{}
	for _, m := range load(t) {
		for _, part := range []string{
			"match-rule-0", "match-rule-1", "match-rule-2", "match-rule-3", "match-rule-4", "match-rule-5", "match-rule-6",
			"match-rule-0-structure-only", "match-rule-2-collision", "match-rule-3-held", "match-settled-pair",
			"match-pass", "match-retired", "match-placeholder", "match-find-unique", "match-order",
			"core-arbiter", "core-lossy-key", "core-row-order", "core-fence", "core-not-after", "core-tombstone",
			"core-report-order", "core-sold-to", "core-tenancy", "core-answer-before-fence", "core-attention", "revocation",
		} {
			if strings.HasPrefix(m.Name, part) {
				names[part]++
			}
		}
	}
	if len(names) != 28 {
		t.Errorf("mutants are missing: there are only those of %v", names)
	}
	labels := map[string]bool{}
	for _, m := range load(t) {
		labels[m.Label] = true
	}
	for i := range 12 {
		if label := fmt.Sprint("M", i+1); !labels[label] {
			t.Errorf("no mutant is labelled %s", label)
		}
	}
}

// A patch that no longer applies, compiles or names a test shows nothing. Whether
// the test fails is for make mutants to say: it builds a program for each.
func TestEveryPatchAppliesCompilesAndNamesATest(t *testing.T) {
	t.Parallel()
	all := load(t)
	checker := newChecker(t, all)
	for _, m := range all {
		changed, err := m.Apply(root)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if err := checker.compiles(changed); err != nil {
			t.Errorf("%s: does not compile: %v", m.Name, err)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(m.Run, "^"), "$")
		if !hasTest(t, m.Package, name) {
			t.Errorf("%s: %s has no test %s", m.Name, m.Package, name)
		}
	}
}

func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("\nfunc "+name+"(")) {
			return true
		}
	}
	return false
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	const good = "Guarantee: g\nTest: ./p ^TestX$\n\n--- a/f.go\n+++ b/f.go\n@@ -1 +1 @@\n-a\n+b\n"
	for name, text := range map[string]string{
		"an unknown line":      strings.Replace(good, "Guarantee", "Promise", 1),
		"no guarantee":         strings.Replace(good, "Guarantee: g\n", "", 1),
		"no test":              strings.Replace(good, " ^TestX$", "", 1),
		"no diff":              strings.Split(good, "--- a/")[0],
		"a line before a file": strings.Replace(good, "--- a/f.go\n+++ b/f.go\n", "", 1),
		"a line before a hunk": strings.Replace(good, "@@ -1 +1 @@\n", "", 1),
		"a line of no kind":    strings.Replace(good, "\n+b\n", "\n*b\n", 1),
	} {
		if _, err := mutants.Load(fstest.MapFS{"x.patch": {Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), "x.patch") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := mutants.Load(fstest.MapFS{"x.patch": {Data: []byte(good)}}); err != nil || len(all) != 1 || all[0].Name != "x" {
		t.Errorf("a sound file: %+v, %v", all, err)
	}
}

func TestPatchGoesWhereItsLinesStand(t *testing.T) {
	t.Parallel()
	p := mutants.Patch{File: "f.go", Hunks: []mutants.Hunk{{Old: "b\n", New: "x\n"}}}
	for text, want := range map[string]string{"b\n": "x\n", "a\nb\nc\n": "a\nx\nc\n", "ab\nb\n": "ab\nx\n"} {
		if got, err := p.Apply(text); got != want || err != nil {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "ab\n", "b\nb\n", "b\na\nb\n"} {
		if got, err := p.Apply(text); err == nil || !strings.Contains(err.Error(), "f.go") {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
}

// A module of one function, and mutants of every fate.
func TestRunTellsWhatIsCaught(t *testing.T) {
	t.Parallel()
	module := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module small\n\ngo 1.26\n",
		"p/p.go": "package p\n\nfunc Sum(a, b int) int {\n\treturn a + b\n}\n",
		"p/p_test.go": "package p\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\n" +
			"func TestSum(t *testing.T) {\n\tif Sum(2, 3) != 5 {\n\t\tt.Error(\"no\")\n\t}\n}\n\n" +
			"func TestBlind(t *testing.T) { Sum(2, 3) }\n\nfunc TestRed(t *testing.T) { t.Error(\"always\") }\n\n" +
			"func TestCrash(t *testing.T) {\n\tif Sum(2, 3) != 5 {\n\t\tos.Exit(3)\n\t}\n}\n\n" +
			"func TestHang(t *testing.T) {\n\tfor Sum(2, 3) != 5 {\n\t}\n}\n",
	} {
		file := filepath.Join(module, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mutant := func(run, became string) mutants.Mutant {
		return mutants.Mutant{
			Name: strings.Trim(run, "^$") + fmt.Sprint(len(became)), Package: "./p", Run: run,
			Patches: []mutants.Patch{{File: "p/p.go", Hunks: []mutants.Hunk{{Old: "\treturn a + b\n", New: became}}}},
		}
	}
	const minus = "\treturn a - b\n"
	gone := mutant("^TestSum$", minus)
	gone.Name, gone.Patches[0].Hunks[0].Old = "gone", "\treturn b + a\n"
	var log strings.Builder
	r := mutants.Runner{Root: module, Limit: 10 * time.Second, Log: &log, Many: 2}
	caught, err := r.Run(context.Background(), []mutants.Mutant{
		mutant("^TestSum$", minus), mutant("^TestBlind$", minus), mutant("^TestRed$", minus), mutant("^TestCrash$", minus),
		mutant("^TestHang$", minus), mutant("^TestNone$", minus), mutant("^TestSum$", "\treturn a + nothing\n"), gone,
	})
	if caught != 1 || err == nil || !strings.Contains(log.String(), "caught      TestSum14") {
		t.Fatalf("caught %d: %v\n%s", caught, err, log.String())
	}
	for _, want := range []string{
		"TestBlind14: survived", "TestRed14: without the patch", "TestCrash14: the test did not come to an end",
		"TestHang14: the test did not come to an end", "TestNone14: without the patch ^TestNone$ does not pass: no test has this name",
		"TestSum20: build the tests", "gone: hunk 1 no longer applies: p/p.go",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not among the errors:\n%v", want, err)
		}
	}
}
