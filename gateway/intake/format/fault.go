package format

import (
	"strings"

	"countersign/gateway/intake"
	"countersign/internal/errs"
)

// broken says where and why a JSON body cannot be read.
func (j *jsonList) broken(at int64, pointer, cause string) error {
	where := shown(pointer)
	if where == "" {
		where = "the body itself"
	}
	cause = strings.TrimSuffix(shownUpTo(cause, 160), ".")
	return ErrMalformed.
		WithDetail("The JSON is broken at byte %d, in %s: %s. Nothing was stored.", j.short.position(at), where, cause).
		WithFields(errs.Field{Row: j.rows, Name: where, Cause: cause})
}

// shown is a name from the body, fit to stand in a sentence.
func shown(name string) string { return shownUpTo(name, 64) }

// shownUpTo cuts what came with the body to a few characters, none of them a control.
// No secret is shown.
func shownUpTo(s string, most int) string {
	if intake.HoldsProductKey(s) {
		return "(not shown)"
	}
	s = strings.ToValidUTF8(s, "?")
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
