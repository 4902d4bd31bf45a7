package intake

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// batchName returns the name as it is kept, without outer blanks, and the key by which
// names are compared, or refuses it.
func batchName(given string) (name, folded string, err error) {
	name = strings.TrimFunc(given, blank)
	switch n := utf8.RuneCountInString(name); {
	case !utf8.ValidString(name):
		return "", "", ErrBatchName.WithDetail("The batch name is not valid UTF-8.")
	case n == 0:
		return "", "", ErrBatchName.WithDetail("The batch has no name. Give it one of 1 to %d characters.", MaxBatchName)
	case n > MaxBatchName:
		return "", "", ErrBatchName.WithDetail("The batch name has %d characters; it may have at most %d.", n, MaxBatchName)
	case strings.ContainsAny(name, `/\`) || strings.ContainsFunc(name, unicode.IsControl):
		return "", "", ErrBatchName.WithDetail(`The batch name holds "/", "\" or a control character.`)
	case name == "." || name == "..":
		return "", "", ErrBatchName.WithDetail("A batch named with dots alone could not be addressed by its path.")
	case holdsSecret(name):
		return "", "", ErrBatchName.WithDetail("The batch name holds a 5x5 product key. It is a secret and was not kept.")
	}
	return name, fold(name), nil
}

// fold maps two names to the same key exactly when strings.EqualFold calls them equal:
// each character becomes the smallest of those that differ from it by case alone. It is
// computed here and never by a database, because databases disagree about case beyond
// ASCII. Composed and decomposed accents stay different names.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, name)
}
