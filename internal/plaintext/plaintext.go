package plaintext

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fault says what keeps a text of at most longest characters from being shown to a
// person, as the end of a sentence that begins with the field's name; "" if nothing
// does. Refused are broken UTF-8, control characters and line breaks, characters
// that are invisible or reorder the others (Unicode Standard Annex 9, section 2), and
// stacks of accents that cover the lines around them.
func Fault(s string, longest int) string {
	switch {
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.ContainsFunc(s, unseen):
		return "holds a control character or an invisible one"
	case stacked(s):
		return "holds more accents on one letter than can be read"
	case utf8.RuneCountInString(s) > longest:
		return "is longer than " + strconv.Itoa(longest) + " characters"
	}
	return ""
}

// Address returns what in the text looks like a link or an address to mail, pages or
// terminals, or "": a scheme, a host name, a mail address. Readers are led by the
// service, never by what a stranger wrote.
func Address(s string) string {
	return address.FindString(norm.NFKC.String(s)) // wide letters and dots work as links too
}

var address = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*:/+\S*|\b(?:mailto|javascript|vbscript|data|tel|sms):\S+|\S+@\S+` +
	`|[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.\p{L}{2,}(?:/\S*)?`)

// unseen tells characters without a shape of their own. Blanks other than the plain
// one are among them: they make two texts look alike.
func unseen(r rune) bool {
	switch r {
	case ' ':
		return false
	case '\u034f', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u2800', '\u3164', '\uffa0', utf8.RuneError:
		return true // joiners and fillers that Unicode counts as letters, marks or symbols
	}
	return unicode.In(r, unicode.C, unicode.Z, unicode.Variation_Selector) || !unicode.IsPrint(r)
}

// mostMarks is how many combining marks one letter may carry. Vietnamese needs two,
// some Indic syllables three.
const mostMarks = 3

func stacked(s string) bool {
	marks := 0
	for _, r := range norm.NFD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			marks = 0
			continue
		}
		if marks++; marks > mostMarks {
			return true
		}
	}
	return false
}
