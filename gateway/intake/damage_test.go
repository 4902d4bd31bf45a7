package intake

import (
	"strings"
	"testing"

	"countersign/models"
)

func TestRules_datesAreToldAndKept(t *testing.T) {
	t.Parallel()
	for value, date := range map[string]bool{
		"12-Mar": true, "Mar-12": true, "12. Mrz": true, "12.Mrz": true, "1. Mai": true, "Okt 26": true, "12-Mär": true,
		"12.03.2026": true, "3/12/26": true, "2026-03-12": true, "2026-03-12 00:00:00": true, "12-MAR-26": true, "Dez. 26": true,
		"MAR12": false, "12-3": false, "NB-12-Mar": false, "MARS-12": false, "2026-03": false, "12.03": false, "5CD2026-03-12": false, "": false,
	} {
		r := rules{kind: models.DirectReseller, seen: &seen{}}
		got := r.check(1, Row{SerialNumber: value, ProductKey: "3258505007954"})
		if got.verdict != nil || got.identity.SerialNumber != value {
			t.Errorf("%q: verdict %v, kept %q", value, got.verdict, got.identity.SerialNumber)
		}
		if told := strings.Contains(strings.Join(got.warnings, " "), "looks like a date"); told != date {
			t.Errorf("%q: warnings %q", value, got.warnings)
		}
	}
}

func TestHoldsProductKey(t *testing.T) {
	t.Parallel()
	const key = "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"
	bare := strings.ReplaceAll(key, "-", "")
	for _, text := range []string{
		key, strings.ToLower(key), "a" + key, key + "9", "key=" + key + ".", strings.ReplaceAll(key, "-", "–"), strings.ReplaceAll(key, "-", "−"),
		bare, strings.ReplaceAll(key, "-", " "), strings.ReplaceAll(key, "-", " - "), "\t" + bare + "\n", "key:" + bare + ",", `x="` + bare + `"`,
	} {
		if !HoldsProductKey(text) {
			t.Errorf("%q was not seen", text)
		}
	}
	for _, text := range []string{
		"", "3258505007954", "00330-80000-00000-AA123", "0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10", "3762-6031-9351-8758-8222-9601-28",
		bare + "7", bare[1:], bare + "+", bare + "/x", bare + "=", "1234512345123451234512345", strings.Repeat("A", 4000),
	} {
		if HoldsProductKey(text) {
			t.Errorf("%q is no product key", text)
		}
	}
	for _, m := range machines(200) {
		if HoldsProductKey(m.hash) {
			t.Error("a hash was taken for a product key")
		}
	}
}
