package intake

import (
	"regexp"
	"strings"
	"unicode"
)

// secretSentence never repeats what it is about.
const secretSentence = "%s holds a 5x5 product key. It is a secret and was not kept. Send the 13 digits of the product key id (PKID) instead; they stand in the factory tool's report, not in its input file." //nolint:gosec // a sentence, no credential

var (
	// Product keys are written in five groups of five. Other dashes come from word
	// processors. What stands before and after does not matter: a key that sticks to
	// another word is one still.
	fiveByFive = regexp.MustCompile(`(?i)(?:[A-Z0-9]{5}[-‐‑‒–—−]){4}[A-Z0-9]{5}`)
	// A whole value may separate the groups by anything, or by nothing.
	fiveGroups = regexp.MustCompile(`(?i)^(?:[` + keyLetters + `]{5}[^A-Z0-9]{0,3}){4}[` + keyLetters + `]{5}$`)
)

const (
	// keyLetters are the letters and digits of product keys. Without dashes only they
	// tell a key from a serial number of the same length.
	keyLetters = "BCDFGHJKMNPQRTVWXY2346789"

	keyLength  = 25 // characters of a product key without dashes
	keyLongest = 3 * keyLength
)

// holdsSecret reports whether a text holds a product key with its dashes. A serial or
// order number may well be a word of 25 letters and digits, so that is no reason to
// refuse one.
func holdsSecret(text string) bool {
	dash := strings.IndexByte(text, '-') >= 0 || strings.IndexByte(text, 0xE2) >= 0 // all other dashes begin with it
	return dash && fiveByFive.MatchString(text)
}

// HoldsDashedKey reports whether a text holds a 5x5 product key with its dashes, wherever it
// stands in it.
func HoldsDashedKey(text string) bool { return holdsSecret(text) }

// HoldsProductKey reports whether a text holds what may be a 5x5 product key, as it must
// not come with a factory's file at all: five groups of five with dashes anywhere, or a
// word, or the whole text, of 25 of the letters and digits that keys are made of. A word
// of digits alone is none.
func HoldsProductKey(text string) bool {
	if holdsSecret(text) {
		return true
	}
	whole := strings.TrimFunc(text, blank)
	if len(whole) <= keyLongest && fiveGroups.MatchString(whole) && strings.ContainsFunc(whole, unicode.IsLetter) {
		return true
	}
	return holdsKeyWord(text)
}

// holdsKeyWord looks for a key without dashes. Base64 breaks into no words here, so
// that a hash or a certificate is not taken for one.
func holdsKeyWord(text string) bool {
	run, letter, other := 0, false, false // other: something that no key holds
	for i := 0; i <= len(text); i++ {
		var b byte
		if i < len(text) {
			b = text[i]
		}
		switch {
		case 'A' <= b && b <= 'Z', 'a' <= b && b <= 'z':
			run, letter = run+1, true
			other = other || strings.IndexByte(keyLetters, b&^0x20) < 0
		case '0' <= b && b <= '9':
			run++
			other = other || strings.IndexByte(keyLetters, b) < 0
		case b == '+', b == '/', b == '=':
			other = true
		default:
			if run == keyLength && letter && !other {
				return true
			}
			run, letter, other = 0, false, false
		}
	}
	return false
}
