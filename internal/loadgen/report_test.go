package loadgen

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestGoals(t *testing.T) {
	t.Parallel()
	for goal, want := range map[string][]float64{
		"≥ 0.90 and ≥ 1.2": {0.9, 1.2}, "≤ 5 each": {5, 5}, "much": nil, "< 1 (99th)": {1, 1},
	} {
		if got, _ := goals(goal, 2); !slices.Equal(got, want) {
			t.Errorf("%s: %v", goal, got)
		}
	}
	if _, more := goals("≥ 6 and ≤ 0.125", 2); !slices.Equal(more, []bool{true, false}) {
		t.Errorf("more is better: %v", more)
	}
}

// Every value is a bar, and one that misses its goal looks different.
func TestWriteReport(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "report.html")
	err := WriteReport(path, Options{}, []Figure{
		{Name: "P1", Values: []float64{0.5, 1.3}, Of: "a <b>", Goal: "≥ 0.90 and ≥ 1.2", Detail: []string{"Fast."}},
		{Name: "P8", Values: []float64{3}, Of: "seconds", Goal: "≤ 5 each"},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	if strings.Count(page, "<rect") != 3 || strings.Count(page, `class="short"`) != 1 || strings.Count(page, "<line x1") != 3 || !strings.Contains(page, "a &lt;b&gt;") || !strings.Contains(page, "Fast.") {
		t.Errorf("the page is\n%s", page)
	}
}
