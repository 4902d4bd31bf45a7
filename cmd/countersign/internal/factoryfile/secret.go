package factoryfile

import (
	"bytes"
	"regexp"
	"strings"
)

var errInputKey error = &Refusal{InputKey, "The file holds a 5x5 product key: it is an input file of OA3Tool, not a report. " +
	"Nothing of it was sent or kept. Send the file OA3Tool writes after /Report, and keep this one where only the line can read it."}

// fiveByFive is the form of a product key.
var fiveByFive = regexp.MustCompile(`\b[A-Za-z0-9]{5}(?:-[A-Za-z0-9]{5}){4}\b`)

// bareKey is a product key without its hyphens. A product key id is shorter.
var bareKey = regexp.MustCompile(`^[A-Za-z0-9]{25}$`)

func isBareKey(text string) bool { return bareKey.MatchString(strings.TrimSpace(text)) }

// lengthOfKey is 5 × 5 characters and four hyphens.
const lengthOfKey = 29

// keyWatch looks for product keys in a text that goes by, wherever they stand.
type keyWatch struct {
	tail  []byte
	found bool
}

func (w *keyWatch) Write(p []byte) (int, error) {
	n := len(p)
	if w.found {
		return n, nil
	}
	seen := append(w.tail, p...)
	// A hardware hash is base64 without hyphens: most of a file needs no second look.
	w.found = bytes.Count(seen, []byte{'-'}) >= 4 && fiveByFive.Match(seen)
	w.tail = append([]byte(nil), seen[max(0, len(seen)-lengthOfKey-1):]...)
	return n, nil
}

// HoldsKey reports a text with a 5x5 product key in it, such as the name of a file.
func HoldsKey(text string) bool { return fiveByFive.MatchString(text) }

// WithoutKey takes product keys out of a text that is to be shown.
func WithoutKey(text string) string { return fiveByFive.ReplaceAllString(text, "(product key)") }
