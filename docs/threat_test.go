package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The threat model names the test of each rule; each of them exists.
func TestThreatModel_namesTestsThatExist(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err = filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			known[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(page), -1)
	if len(named) < 60 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		if !known[m[1]] {
			t.Errorf("%s is named and does not exist", m[1])
		}
	}
	covered := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b([A-G])(\d+)(?: to [A-G](\d+))?`).FindAllStringSubmatch(string(page), -1) {
		first, _ := strconv.Atoi(m[2])
		last, err := strconv.Atoi(m[3])
		for n := first; n <= max(first, last) && (err == nil || n == first); n++ {
			covered[m[1]+strconv.Itoa(n)] = true
		}
	}
	for letter, last := range map[string]int{"A": 9, "B": 4, "C": 8, "D": 5, "E": 6, "F": 14, "G": 8} {
		for n := 1; n <= last; n++ {
			if rule := letter + strconv.Itoa(n); !covered[rule] {
				t.Errorf("rule %s has no line", rule)
			}
		}
	}
}
