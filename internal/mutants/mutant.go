package mutants

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Mutant is a patch that breaks one guarantee, with the test that must notice.
type Mutant struct {
	Name      string // of its file, without the ending
	Label     string // of the list of revocation's mutants, M1 to M12; empty for the others
	Guarantee string // what no longer holds
	Package   string // of the test, as ./path below the module's root
	Run       string // the test, as go test's -run takes it
	Patches   []Patch
}

// Load reads every file *.patch of a folder, in the order of their names.
func Load(dir fs.FS) ([]Mutant, error) {
	names, err := fs.Glob(dir, "*.patch")
	if err != nil {
		return nil, err
	}
	var all []Mutant
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		m, err := parse(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		m.Name = strings.TrimSuffix(path.Base(name), ".patch")
		all = append(all, m)
	}
	return all, nil
}

// parse reads the header, up to the first empty line, and the diff below it.
func parse(text string) (Mutant, error) {
	var m Mutant
	header, diff, _ := strings.Cut(text, "\n\n")
	for line := range strings.Lines(header) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "Label":
			m.Label = value
		case "Guarantee":
			m.Guarantee = value
		case "Test":
			m.Package, m.Run, _ = strings.Cut(value, " ")
		default:
			return m, fmt.Errorf("the header has the unknown line %q", strings.TrimSpace(line))
		}
	}
	if m.Guarantee == "" || !strings.HasPrefix(m.Package, "./") || !strings.HasPrefix(m.Run, "^Test") {
		return m, fmt.Errorf("the header needs the lines %q and %q", "Guarantee: …", "Test: ./package ^TestName$")
	}
	var err error
	m.Patches, err = parseDiff(diff)
	return m, err
}
