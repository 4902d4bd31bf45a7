package resultfile_test

import (
	"slices"
	"testing"

	"countersign/internal/resultfile"
)

func TestGuard_isUndoneExactly(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{
		"": "", "NB-1": "NB-1", "'": "'", "'NB-1": "'NB-1", "O'Neill": "O'Neill",
		"=1+1": "'=1+1", "+49": "'+49", "-5": "'-5", "@x": "'@x", "\tx": "'\tx", "＝x": "'＝x", "＠x": "'＠x",
		"'=x": "''=x", "''-x": "'''-x", "\xff": "\xff",
	} {
		got, changed := resultfile.Guard(cell)
		if got != want || changed != (got != cell) {
			t.Errorf("Guard(%q) = %q, %v, want %q", cell, got, changed, want)
		}
		if back := resultfile.Unguard(got); back != cell {
			t.Errorf("%q came back as %q", cell, back)
		}
	}
}

func TestIs(t *testing.T) {
	t.Parallel()
	moved := append([]string{"Device Serial Number", " STATUS "}, slices.DeleteFunc(slices.Clone(resultfile.Columns), func(s string) bool { return s == "status" })...)
	if !resultfile.Is(resultfile.Columns) || !resultfile.Is(moved) {
		t.Error("a result file was not recognised")
	}
	if resultfile.Is(resultfile.Columns[1:]) || resultfile.Is(nil) {
		t.Error("a file of somebody's own was taken for a result file")
	}
}
