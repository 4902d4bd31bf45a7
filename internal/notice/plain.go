package notice

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest texts of others in a mail, in characters.
const (
	maxName = 80
	maxText = 200
)

// address finds what a mail program may turn into a link: a scheme, www., an address of
// mail, or a name with a top-level domain, with what hangs on it.
var address = regexp.MustCompile(`(?i)[^\s]*(?:[a-z][a-z0-9+.-]*:/|www\.|@)[^\s]*|[\p{L}\p{N}-]+(?:[.。．｡][\p{L}\p{N}-]+)*[.。．｡]\p{L}{2,}(?:[:/?#][^\s]*)?`)

// plain makes one harmless line of a text that somebody else wrote: as line does, and
// without anything that looks like an address, for which removed stands.
func plain(text string, longest int, removed string) string {
	return cut(address.ReplaceAllString(visible(text), removed), longest)
}

// line makes one line of a text, without controls, line breaks and characters that are
// invisible or turn the direction of writing, not longer than longest characters.
func line(text string, longest int) string { return cut(visible(text), longest) }

func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp, unicode.Variation_Selector), unseen(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
}

func cut(text string, longest int) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > longest {
		text = strings.TrimSpace(string([]rune(text)[:longest-1])) + "…"
	}
	return text
}

// unseen are letters that show nothing: fillers of Hangul, the blank of Braille, and the
// joiner of graphemes.
func unseen(r rune) bool {
	switch r {
	case '\u115F', '\u1160', '\u3164', '\uFFA0', '\u2800', '\u034F', '\u17B4', '\u17B5':
		return true
	}
	return false
}
