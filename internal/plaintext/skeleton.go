package plaintext

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Skeleton brings a name to a form in which names that look alike are equal, as
// Unicode Technical Standard 39, section 4, does with a larger table: compatibility
// forms, case, accents, blanks and punctuation are gone, letters of other scripts and
// digits that look like a Latin letter have become it. It is for comparing and never
// for showing. Two different honest names may share one.
func Skeleton(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch as, ok := lookalikes[r]; {
		case ok:
			b.WriteString(as)
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteString(twin(unicode.ToLower(r)))
		}
	}
	return pairs.Replace(b.String())
}

// twin is the look of a lower-case letter or digit.
func twin(r rune) string {
	if as, ok := lookalikes[r]; ok {
		return as
	}
	return string(r)
}

// pairs are letters that look like one when they stand together.
var pairs = strings.NewReplacer("rn", "m", "vv", "w", "cl", "d")

// lookalikes lists what is taken for a Latin letter, in both cases where the looks of
// the cases differ: digits, the Cyrillic, Greek and Armenian alphabets, and Latin
// letters that do not decompose. I, l and 1 are one letter here.
var lookalikes = table(map[string]string{
	"a": "аɑαΑАᴀ", "b": "ΒВЬьƄʙ", "c": "сϲСϹᴄҫ", "d": "ԁɗđĐᴅ", "e": "еЕєΕҽɛᴇэ", "f": "ƒϝՔſ", "g": "ɡցԌɢ",
	"h": "һНΗհʜħ", "j": "јЈϳյᴊ", "k": "кКκΚᴋҝ", "l": "1IilіІӏӀΙιɩıłŁ|ւ", "m": "мМΜᴍ", "n": "ΝпηոɴПռ",
	"o": "0оОοΟσօøØᴏӨө", "p": "рРρΡᴘ", "q": "ԛզգ", "r": "гᴦɼʀ", "s": "5ѕЅꜱʂ", "t": "тТτΤᴛŧ", "u": "υսцᴜʋ",
	"v": "νѵѴᴠ", "w": "ԝшωѡաᴡ", "x": "хХχΧ×", "y": "уУγΥүҮʏ", "z": "2ΖᴢƶȤ", "ae": "æÆӕ", "oe": "œŒ", "ss": "ß", "th": "þÞ",
})

func table(looks map[string]string) map[rune]string {
	byRune := map[rune]string{}
	for latin, others := range looks {
		for _, r := range others {
			byRune[r] = latin
		}
	}
	return byRune
}
