package mutants

import (
	"errors"
	"fmt"
	"strings"
)

// Patch is what one file's part of a unified diff changes. Line numbers are not
// looked at: a hunk goes where its old lines stand, which must be one place. So a
// patch goes on fitting while the file around it changes.
type Patch struct {
	File  string // below the module's root, with slashes
	Hunks []Hunk
}

// Hunk is one replacement, in whole lines.
type Hunk struct{ Old, New string }

// Apply returns the patched text of a file.
func (p Patch) Apply(text string) (string, error) {
	for i, h := range p.Hunks {
		places := h.places(text)
		if len(places) != 1 {
			return "", fmt.Errorf("hunk %d no longer applies: %s has its old lines in %d places, want 1", i+1, p.File, len(places))
		}
		text = text[:places[0]] + h.New + text[places[0]+len(h.Old):]
	}
	return text, nil
}

// places are where the old lines stand; they may overlap.
func (h Hunk) places(text string) []int {
	var found []int
	at := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(text[at:], h.Old) {
			found = append(found, at)
		}
		at += len(line)
	}
	return found
}

func parseDiff(diff string) ([]Patch, error) {
	var patches []Patch
	for line := range strings.Lines(diff) {
		if name, ok := strings.CutPrefix(line, "+++ b/"); ok {
			patches = append(patches, Patch{File: strings.TrimSpace(name)})
			continue
		}
		if strings.HasPrefix(line, "--- a/") {
			continue
		}
		if len(patches) == 0 {
			return nil, fmt.Errorf("%q stands before the first file", strings.TrimSpace(line))
		}
		if err := patches[len(patches)-1].read(line); err != nil {
			return nil, err
		}
	}
	if len(patches) == 0 {
		return nil, errors.New("there is no diff below the header")
	}
	return patches, nil
}

// read takes one line of a file's part.
func (p *Patch) read(line string) error {
	if strings.HasPrefix(line, "@@ ") {
		p.Hunks = append(p.Hunks, Hunk{})
		return nil
	}
	if len(p.Hunks) == 0 {
		return fmt.Errorf("%s: %q stands before the first hunk", p.File, strings.TrimSpace(line))
	}
	h := &p.Hunks[len(p.Hunks)-1]
	switch line[0] {
	case ' ':
		h.Old, h.New = h.Old+line[1:], h.New+line[1:]
	case '-':
		h.Old += line[1:]
	case '+':
		h.New += line[1:]
	default:
		return fmt.Errorf("%s: the line %q is neither kept, taken out nor put in", p.File, strings.TrimSpace(line))
	}
	return nil
}
