package format_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
)

// Whatever arrives: no panic, the digest of the whole body, values that fit, and the
// same rows however the network cuts the body into pieces.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"BatchId":"a","Devices":[{"SerialNumber":"x","Policies":[{"Key":"none","Value":null}]},null,{"a":{"b":[1e9]}}]}`,
		`[{"SerialNumber":"\ud83d\ude00"},{"serialnumber":1}]`, `{"Devices":{}}`, "[{\"a\":\"\xff\"}]", `{"a":1,"A":2}`,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, body string, bare bool) {
		whole := format.NewJSON(strings.NewReader(body), bare, 0)
		rows, err := read(whole)
		checkDigest(t, whole, body)
		if err == nil && !json.Valid([]byte(body)) {
			t.Errorf("accepted what is not JSON: %q", body)
		}
		pieces := format.NewJSON(iotest.OneByteReader(strings.NewReader(body)), bare, 0)
		again, errAgain := read(pieces)
		sameRows(t, rows, again, err, errAgain)
	})
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		partnerHeader + "NB-1,,,Fjordtek AS,Skerry 14\r\n\r\n\"a\"\"b\",,,,\r", "sep=;\nserialNumber;x\n\"a\nb\";1;2\n",
		"\xff\xfes\x00", "serialNumber\n\"", "\ufeffserialNumber\tproductKey\na\tb\tc",
	} {
		f.Add(seed, "")
		f.Add(seed, "utf-16be")
	}
	f.Fuzz(func(t *testing.T, body, charset string) {
		whole := format.NewCSV(strings.NewReader(body), charset, 0)
		rows, err := read(whole)
		checkDigest(t, whole, body)
		pieces := format.NewCSV(iotest.OneByteReader(strings.NewReader(body)), charset, 0)
		again, errAgain := read(pieces)
		sameRows(t, rows, again, err, errAgain)
	})
}

func sameRows(t *testing.T, rows, again []intake.Row, err, errAgain error) {
	t.Helper()
	if diff := cmp.Diff(rows, again); diff != "" {
		t.Errorf("another cut of the body gave other rows: %s", diff)
	}
	if (err == nil) != (errAgain == nil) {
		t.Errorf("another cut of the body gave %v instead of %v", errAgain, err)
	}
	for _, row := range rows {
		for _, value := range []string{row.SerialNumber, row.ProductKey, row.HardwareHash, row.Manufacturer, row.Model, row.Unreadable} {
			if len(value) > format.MaxDevice {
				t.Errorf("a value of %d bytes", len(value))
			}
		}
	}
}
