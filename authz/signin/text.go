package signin

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/internal/errs"
)

// cut makes text of a provider fit to be stored and shown: valid, without what controls
// a terminal or turns the direction of writing, and not long.
func cut(text string, longest int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > longest {
		text = string([]rune(text)[:longest])
	}
	return text
}

// printable also keeps out NUL, which PostgreSQL cannot store in a text.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// faults collects what is wrong with an input, so that the caller sees all of it at once.
type faults []errs.Field

func (f *faults) add(wrong bool, field, cause string) {
	if wrong {
		*f = append(*f, errs.Field{Name: field, Cause: cause})
	}
}

// err is nil without faults. The sentence repeats them for those who show nothing else.
func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	parts := make([]string, len(f))
	for i, field := range f {
		parts[i] = field.Name + ": " + field.Cause
	}
	return ErrInvalid.WithDetail("The input is not acceptable. %s.", strings.Join(parts, "; ")).WithFields(f...)
}

// startPage is where somebody lands who came from nowhere in particular.
const startPage = "/portal/"

// ownPath keeps to paths of ours: a browser reads //host, /\host and a path with a line
// break as another site. What is not one becomes the start page.
func ownPath(path string) string {
	if len(path) > 1024 || !strings.HasPrefix(path, "/portal/") || strings.Contains(path, "//") || strings.Contains(path, "\\") || strings.Contains(path, "..") {
		return startPage
	}
	for i := range len(path) {
		c := path[i]
		if c <= ' ' || c >= 0x7f {
			return startPage
		}
		// An encoded slash or backslash may be decoded by something on the way.
		if c == '%' && i+2 < len(path) && isEncodedSlash(path[i+1:i+3]) {
			return startPage
		}
	}
	return path
}

func isEncodedSlash(hex string) bool {
	switch strings.ToLower(hex) {
	case "2f", "5c", "25", "0a", "0d", "09", "00":
		return true
	}
	return false
}
