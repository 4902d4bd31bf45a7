package format_test

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/models"
)

func readNDJSON(t testing.TB, body string) ([]intake.Row, error) {
	t.Helper()
	src := format.NewNDJSON(iotest.HalfReader(strings.NewReader(body)), 0)
	rows, err := read(src)
	checkDigest(t, src, body)
	return rows, err
}

func TestNDJSON_oneDeviceALine(t *testing.T) {
	t.Parallel()
	rows, err := readNDJSON(t, "\ufeff"+`{"SerialNumber":"A","OemManufacturerName":"M","modelname":"X","groupTag":"north","x":{"y":[1]}}`+"\r\n"+
		"\n \t\r\n"+`  {"productKey":"3305123456789","policies":[{"Key":"none"}],"hardwareHash":null} `+"\n"+`{"serialNumber":"last"}`)
	want := []intake.Row{
		{SerialNumber: "A", Manufacturer: "M", Model: "X", Order: models.OrderData{GroupTag: "north"}},
		{ProductKey: "3305123456789", HasPolicies: true, Warnings: []string{"Blank lines skipped before this one: 2."}},
		{SerialNumber: "last"},
	}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestNDJSON_brokenLineIsItsRowsOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, word string }{
		{"no JSON", "serialNumber;productKey", "is no JSON, at byte 1:"},
		{"cut off", `{"serialNumber":"x`, "the line ends too early"},
		{"list", `[{"serialNumber":"x"}]`, "must be an object, but it is a list"},
		{"null", `null`, "it is null"},
		{"two objects", `{"serialNumber":"x"}{"serialNumber":"y"}`, "something follows the object"},
		{"comma after it", `{"serialNumber":"x"},`, "is no JSON, at byte 21"},
		{"number for text", `{"serialNumber":7}`, "serialNumber must be text"},
		{"member twice by case", `{"serialNumber":"a","SERIALNUMBER":"b"}`, "SERIALNUMBER is given twice"},
		{"invalid UTF-8", "{\"serialNumber\":\"\xff\"}", "UTF-8"},
		{"too deep", `{"x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, "nested deeper than 16"},
		{"too large", `{"serialNumber":"` + strings.Repeat("A", 1<<20) + `"}`, "larger than 64 KiB"},
		{"blanks without end", strings.Repeat(" ", 1<<20), "larger than 64 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows, err := readNDJSON(t, "{\"serialNumber\":\"first\"}\n"+c.line+"\n{\"serialNumber\":\"last\"}\n")
			if err != nil || len(rows) != 3 {
				t.Fatalf("%d rows, error %v", len(rows), err)
			}
			if rows[0].Unreadable != "" || rows[2].SerialNumber != "last" || rows[2].Unreadable != "" {
				t.Errorf("the neighbours suffered: %+v", rows)
			}
			if got := rows[1].Unreadable; !strings.Contains(got, c.word) || !strings.Contains(got, "Line 2") {
				t.Errorf("sentence %q, want it to name line 2 and say %q", got, c.word)
			}
			if rows[1].SerialNumber != "" && strings.Contains(rows[1].Unreadable, "JSON") {
				t.Errorf("kept %q of a line that is no JSON", rows[1].SerialNumber)
			}
		})
	}
}

func TestNDJSON_largestLine(t *testing.T) {
	t.Parallel()
	const frame = `{"serialNumber":""}`
	fits := `{"serialNumber":"` + strings.Repeat("A", format.MaxDevice-len(frame)) + `"}`
	rows, err := readNDJSON(t, fits+"\n"+fits+" \n")
	if err != nil || len(rows) != 2 || rows[0].Unreadable != "" || rows[1].Unreadable == "" {
		t.Errorf("%d rows, error %v", len(rows), err)
	}
}

func TestNDJSON_brokenBodies(t *testing.T) {
	t.Parallel()
	_, err := readNDJSON(t, "\xff\xfe{\x00}\x00")
	refused(t, err, "body_malformed", "UTF-16", "UTF-8")
	src := format.NewNDJSON(io.MultiReader(strings.NewReader(`{"serialNumber":"a"`), iotest.ErrReader(io.ErrUnexpectedEOF)), 0)
	rows, err := read(src)
	refused(t, err, "body_incomplete")
	if len(rows) != 0 || src.Digest() != nil || src.Failure() == nil {
		t.Errorf("half a line became rows %+v", rows)
	}
	_, err = read(format.NewNDJSON(many(1<<20), 100_000))
	refused(t, err, "body_too_large")
	if rows, err := readNDJSON(t, ""); err != nil || rows != nil {
		t.Errorf("an empty body: rows %+v, error %v", rows, err)
	}
}

func TestNDJSON_endlessLinesNeedNoMemory(t *testing.T) {
	const size = 64 << 20
	for name, begin := range map[string]string{"text": `{"serialNumber":"`, "garbage": "", "blank": "\n\n"} {
		body := io.MultiReader(strings.NewReader(begin), many(size), strings.NewReader("\n{}\n"))
		if bytes := allocated(func() { _, _ = read(format.NewNDJSON(body, 0)) }); bytes > 4<<20 {
			t.Errorf("%s of %d MiB took %d bytes of memory", name, size>>20, bytes)
		}
	}
}
