package format_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/internal/errs"
)

// fuzzed reads a body whole and byte by byte and checks what holds for all readers.
func fuzzed(t *testing.T, body string, open func(io.Reader) source) ([]intake.Row, source, error) {
	t.Helper()
	whole := open(strings.NewReader(body))
	rows, err := read(whole)
	checkDigest(t, whole, body)
	pieces := open(iotest.OneByteReader(strings.NewReader(body)))
	again, errAgain := read(pieces)
	sameRows(t, rows, again, err, errAgain)
	if err != nil && errAgain != nil && errs.From(err).Code != errs.From(errAgain).Code { // the JSON decoder's words may differ by a character
		t.Errorf("another cut of the body gave the error %v instead of %v", errAgain, err)
	}
	return rows, whole, err
}

// told is what a reader says about rows, without the values it hands on.
func told(rows []intake.Row) []intake.Row {
	var out []intake.Row
	for _, row := range rows {
		out = append(out, intake.Row{Unreadable: row.Unreadable, Warnings: row.Warnings, KeyState: row.KeyState, SoldTo: row.SoldTo})
	}
	return out
}

func FuzzNDJSON(f *testing.F) {
	for _, seed := range []string{
		"{\"SerialNumber\":\"x\",\"Policies\":[{\"Key\":\"none\"}]}\r\n\n{\"productKey\":\"" + secretKey + "\"}\nnull\n[", "\ufeff{}\n{\"a\":{\"b\":[1e9]}}{}",
		"\xff\xfe{\x00", "{\"" + secretKey + "\":1,\"" + secretKey + "\":2}\n{\"serialNumber\":\"\\ud83d\"}", "{\"soldTo\":\"" + secretKey + "\",\"ProductKeyID\":1}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		rows, _, err := fuzzed(t, body, func(r io.Reader) source { return format.NewNDJSON(r, 0) })
		silent(t, told(rows), err)
		keys, _, err := fuzzed(t, body, func(r io.Reader) source { return format.NewReportNDJSON(r, 0) })
		silent(t, told(keys), err)
		if len(rows) != len(keys) {
			t.Errorf("%d devices, but %d keys", len(rows), len(keys))
		}
		if lines := strings.Count(body, "\n") + 1; len(rows) > lines {
			t.Errorf("%d rows out of %d lines", len(rows), lines)
		}
	})
}

func FuzzReportJSON(f *testing.F) {
	for _, seed := range []string{
		`{"customerReportUniqueId":"{0B6C3D52-77AA-4c1e-9a53-5d2f0f6f1a10}","soldTo":"p","keys":[{"productKey":"1","productKeyState":3},{"ProductKeyID":"` + secretKey + `","productKey":""}]}`,
		`[{"SoldToCustomerID":4711,"a":{"b":[1e9]}},null]`, `{"keys":[],"soldTo":"x"}`, `{"CustomerReportUniqueID":"` + secretKey + `"}`,
		`{"` + secretKey + `":[`, `[{"soldTo":"` + secretKey + `"}]`, `{"keys":null,"a":"` + "\xff" + `"}`, "\u0655",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		rows, src, err := fuzzed(t, body, func(r io.Reader) source { return format.NewReportJSON(r, 0) })
		silent(t, told(rows), err)
		checkReportID(t, src.(intake.ReportSource).ReportID())
	})
}

func FuzzOA3(f *testing.F) {
	for _, seed := range []string{
		`<?xml version="1.0" encoding="utf-8"?><Key><ProductKeyID>3258505007954</ProductKeyID><ProductKeyState>3</ProductKeyState><HardwareHash>T0E<![CDATA[AA]]></HardwareHash></Key>`,
		`<d:R xmlns:d="u"><d:CustomerReportUniqueID>line-7.0001</d:CustomerReportUniqueID><SoldTo>p</SoldTo><Key a="b"><SerialNumber>x&#45;y</SerialNumber></Key><!-- c --><Binding/></d:R>`,
		"<Key><ProductKey>" + secretKey + "</ProductKey></Key>", "<Keys><Key/><Key><SerialNumber>" + secretKey + "</SerialNumber></Key></Keys>", "<" + secretKey + ">",
		"\xff\xfe<\x00a\x00/\x00>\x00", "<?xml version='1.0' encoding='windows-1252'?><Key><SoldTo>\xfc</SoldTo></Key>", "<!DOCTYPE a><a/>", "<OA3/>", "<HardwareReport/>", "<a></a>x",
	} {
		f.Add(seed, "")
		f.Add(seed, "utf-16be")
		f.Add(seed, "windows-1252")
	}
	f.Fuzz(func(t *testing.T, body, charset string) {
		rows, src, err := fuzzed(t, body, func(r io.Reader) source { return format.NewOA3(r, charset, 0) })
		silent(t, rows, err)
		checkReportID(t, src.(intake.ReportSource).ReportID())
	})
}

func checkReportID(t *testing.T, id string) {
	t.Helper()
	if id != "" && (len(id) < 8 || len(id) > 128 || strings.ToLower(id) != id || intake.HoldsProductKey(id)) {
		t.Errorf("report id %q", id)
	}
}
