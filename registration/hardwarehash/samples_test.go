package hardwarehash

import (
	"bytes"
	"os"
	"testing"
)

// sampleText returns a sample hash. sample1 is complete, with placeholder serial
// and SKU; sample2_truncated is a throw-away virtual machine's, cut by the page
// that published it.
func sampleText(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(text)
}

func sample1(t testing.TB) (*Report, []byte) {
	t.Helper()
	report, raw, err := DecodeText(sampleText(t, "sample1"))
	if err != nil {
		t.Fatal(err)
	}
	return report, raw
}

// resealed changes the declared part of a valid hash and signs it anew.
func resealed(t testing.TB, records ...Record) []byte {
	t.Helper()
	return seal(records, nil, StandardRaw)
}

func codes(warnings []Warning) []string {
	out := make([]string, 0, len(warnings))
	for _, w := range warnings {
		out = append(out, w.Code)
	}
	return out
}
