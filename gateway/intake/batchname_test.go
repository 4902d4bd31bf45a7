package intake

import (
	"strings"
	"testing"

	"countersign/internal/errs"
)

func TestBatchName(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"north depot 07", "x", strings.Repeat("ä", 128), " trimmed ", "100 %", "a.b"} {
		if name, _, err := batchName(good); err != nil || name != strings.TrimSpace(good) {
			t.Errorf("%q: %q, %v", good, name, err)
		}
	}
	for _, bad := range []string{"", "  ", strings.Repeat("ä", 129), "a/b", `a\b`, "a\tb", "a\x00b", "\x7f", "a\xff", ".", "..", "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"} {
		if _, _, err := batchName(bad); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestFold_agreesWithEqualFold(t *testing.T) {
	t.Parallel()
	names := []string{"Depot", "DEPOT", "depöt", "DEPÖT", "Σίσυφος", "ΣΊΣΥΦΟΣ", "straße", "STRASSE", "\u212aelvin", "kelvin", "ſ", "s", "I", "ı", "i"}
	for _, a := range names {
		for _, b := range names {
			if got, want := fold(a) == fold(b), strings.EqualFold(a, b); got != want {
				t.Errorf("fold(%q) == fold(%q): %v, EqualFold says %v", a, b, got, want)
			}
		}
	}
}

func TestCursor_isOpaqueAndBound(t *testing.T) {
	t.Parallel()
	at := position{upload: 12, ordinal: 7}
	if got, err := decodeCursor("rows", encodeCursor("rows", at)); err != nil || got != at {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"x", "!!", encodeCursor("devices", at), encodeCursor("rows", at) + "A", encodeCursor("rows", position{upload: 1})[:4]} {
		if _, err := decodeCursor("rows", bad); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
