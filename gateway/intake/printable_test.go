package intake

import (
	"strings"
	"testing"
)

// Every byte at every place of a word counts.
func TestPrintable(t *testing.T) {
	t.Parallel()
	for length := 1; length <= 19; length++ {
		for at := range length {
			for b := range 256 {
				text := []byte(strings.Repeat("A", length))
				text[at] = byte(b)
				if want := b > ' ' && b < 127; printable(text) != want {
					t.Fatalf("byte %d at %d of %d: %v", b, at, length, !want)
				}
			}
		}
	}
	if printable(nil) || printable([]byte(strings.Repeat("A", MaxCell+1))) || !printable([]byte(strings.Repeat("A", MaxCell))) {
		t.Error("a text of no byte, or of too many, is taken, or one that fits is not")
	}
}
