package format_test

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/unicode"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/models"
)

const partnerHeader = "Device Serial Number,Windows Product ID,Hardware Hash,Manufacturer name,Device model\n"

func TestCSV_partnerFile(t *testing.T) {
	t.Parallel()
	rows, err := readCSV(t, "\ufeff"+partnerHeader+"NB-1,,,Fjordtek AS,Skerry 14\r\n,3305123456789,,,\r\"a \"\"b\"\"\",,\"T0EA\" ,,\n", "")
	want := []intake.Row{
		{SerialNumber: "NB-1", Manufacturer: "Fjordtek AS", Model: "Skerry 14"},
		{ProductKey: "3305123456789"},
		{SerialNumber: `a "b"`, HardwareHash: "T0EA"},
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

func TestCSV_headersInAnyCaseOrderAndSpelling(t *testing.T) {
	t.Parallel()
	want := []intake.Row{{SerialNumber: "S", Model: "M", Order: models.OrderData{PurchaseOrder: "PO", GroupTag: "G"}}}
	for name, body := range map[string]string{
		"comma":              "colour,DEVICE MODEL,Group Tag,serialNumber,purchase_order\nred,M,G,S,PO\n",
		"semicolon":          "colour;device model;grouptag;Device Serial Number;PurchaseOrder\nred, x;M;G;S;PO\n",
		"tab":                "colour\tmodelName\tGROUP TAG\tSERIALNUMBER\tpurchase-order\nred\tM\tG\tS\tPO",
		"separator line":     "sep=;\r\ncolour;modelName;Group Tag;serialNumber;purchaseOrder\r\nred;M;G;S;PO\r\n",
		"quoted header":      `"colour","modelName","Group Tag","serialNumber","purchaseOrder"` + "\n" + `"r,ed","M","G","S","PO"`,
		"carriage returns":   "colour,modelName,Group Tag,serialNumber,purchaseOrder\rred,M,G,S,PO\r",
		"line in an ignored": "colour,modelName,Group Tag,serialNumber,purchaseOrder\n\"red\nish\",M,G,S,PO\r",
	} {
		rows, err := readCSV(t, body, "")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCSV_blankRowsAreSkippedAndTold(t *testing.T) {
	t.Parallel()
	rows, err := readCSV(t, partnerHeader+"\n , ,,,\nA,,,,\nB,,,,\n\n\n", "")
	if err != nil || len(rows) != 2 {
		t.Fatalf("rows %v, error %v", rows, err)
	}
	if diff := cmp.Diff([]string{"Blank rows skipped before this one: 2."}, rows[0].Warnings); diff != "" {
		t.Error(diff)
	}
	if rows[1].Warnings != nil {
		t.Errorf("warnings %v on a row after none", rows[1].Warnings)
	}
}

func TestCSV_missingValuesAtTheEndAreEmpty(t *testing.T) {
	t.Parallel()
	rows, err := readCSV(t, partnerHeader+"A\nB,,,,,,\n", "")
	if err != nil || len(rows) != 2 || rows[0].SerialNumber != "A" || rows[0].Unreadable+rows[1].Unreadable != "" {
		t.Fatalf("rows %+v, error %v", rows, err)
	}
}

func TestCSV_brokenRowIsItsOwnOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, word string }{
		{"cell too long", "x,," + strings.Repeat("A", 1<<20) + ",,", "Hardware Hash is longer than 16 KiB"},
		{"quoted cell too long", `x,,"` + strings.Repeat("A", 1<<20) + `",,`, "Hardware Hash is longer than 16 KiB"},
		{"row too long", strings.Repeat(strings.Repeat("A", 16<<10)+",", 4) + "AAA", "Device model is longer"},
		{"too many values", "x,,,Fjordtek, AS,Skerry 14", "more values than the header"},
		{"text after a quotation mark", `"3.5" disk,,,,`, "closing quotation mark in value 1"},
		{"value over lines", "\"a\nb\",,,,", "Device Serial Number runs over several lines"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows, err := readCSV(t, partnerHeader+"first,,,,\n"+c.line+"\nlast,,,,\n", "")
			if err != nil || len(rows) != 3 {
				t.Fatalf("%d rows, error %v", len(rows), err)
			}
			if rows[0].Unreadable != "" || rows[2].SerialNumber != "last" || rows[2].Unreadable != "" {
				t.Errorf("the neighbours suffered: %+v", rows)
			}
			if got := rows[1].Unreadable; !strings.Contains(got, c.word) || !strings.HasPrefix(got, "Line 3: ") {
				t.Errorf("sentence %q, want it to name line 3 and say %q", got, c.word)
			}
		})
	}
}

func TestCSV_lineNumbersCountEveryLine(t *testing.T) {
	t.Parallel()
	rows, err := readCSV(t, "sep=,\r\nnote,serialNumber\r\n\"a\r\nb\",x\r\n\r\n,,,y\r\n", "")
	if err != nil || len(rows) != 2 || !strings.HasPrefix(rows[1].Unreadable, "Line 6: ") {
		t.Fatalf("rows %+v, error %v", rows, err)
	}
}

func TestCSV_brokenContainers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, code string
		words            []string
	}{
		{"empty", "", "csv_header", []string{"empty", "Device Serial Number"}},
		{"no header", "NB-1,,,Fjordtek,Skerry\n", "csv_header", []string{"names no column"}},
		{"column twice", "Device Serial Number,serialnumber\na,b\n", "csv_header", []string{`"serialnumber"`}},
		{"UTF-16 without a mark", "S\x00e\x00r\x00i\x00a\x00l\x00", "csv_header", []string{"UTF-16"}},
		{"header too long", strings.Repeat("x,", 1<<16), "csv_header", []string{"64 KiB"}},
		{"quotation mark never closed", partnerHeader + "a,,,,\n\"b,,,,\nc,,,,\n", "body_malformed", []string{"line 3", "never closed"}},
		{"quotation mark closed far away", partnerHeader + "\"b" + strings.Repeat(",,,,\nc", 1<<13), "body_malformed", []string{"line 2", "not closed within"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := readCSV(t, c.body, "")
			refused(t, err, c.code, c.words...)
		})
	}
}

func TestCSV_encodings(t *testing.T) {
	t.Parallel()
	text := partnerHeader + "é1,,,Müller,Straße\n"
	wide := func(e unicode.Endianness, bom unicode.BOMPolicy) string {
		s, err := unicode.UTF16(e, bom).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	latin := strings.NewReplacer("é", "\xe9", "ü", "\xfc", "ß", "\xdf").Replace(text)
	for _, c := range []struct{ name, body, charset string }{
		{"UTF-8", text, "UTF-8"},
		{"UTF-16, little endian", wide(unicode.LittleEndian, unicode.UseBOM), ""},
		{"UTF-16, big endian", wide(unicode.BigEndian, unicode.UseBOM), ""},
		{"declared UTF-16LE", wide(unicode.LittleEndian, unicode.IgnoreBOM), "utf-16le"},
		{"Windows-1252", latin, "Windows-1252"},
		{"a mark is stronger than a declaration", "\ufeff" + text, "windows-1252"},
	} {
		rows, err := readCSV(t, c.body, c.charset)
		if err != nil || len(rows) != 1 || rows[0].SerialNumber != "é1" || rows[0].Model != "Straße" {
			t.Errorf("%s: rows %+v, error %v", c.name, rows, err)
		}
	}
	rows, err := readCSV(t, wide(unicode.LittleEndian, unicode.UseBOM)+"\x00\xd8,\x00,\x00", "")
	if err != nil || len(rows) != 2 || !strings.Contains(rows[1].Unreadable, "no text in the file's encoding") {
		t.Errorf("half a surrogate pair: rows %+v, error %v", rows, err)
	}
}

func TestCSV_endlessCellsNeedNoMemory(t *testing.T) {
	const size = 64 << 20
	for name, body := range map[string]io.Reader{
		"cell":   io.MultiReader(strings.NewReader(partnerHeader), many(size)),
		"quoted": io.MultiReader(strings.NewReader(partnerHeader+`"`), many(size), strings.NewReader(`"`)),
		"commas": io.MultiReader(strings.NewReader(partnerHeader), strings.NewReader(strings.Repeat(",", size/8))),
		"header": many(size),
	} {
		if bytes := allocated(func() { _, _ = read(format.NewCSV(body, "", 0)) }); bytes > 4<<20 {
			t.Errorf("%s of %d MiB took %d bytes of memory", name, size>>20, bytes)
		}
	}
}

func TestCSV_readsNothingBeforeTheFirstRowIsAskedFor(t *testing.T) {
	t.Parallel()
	body := strings.NewReader(partnerHeader)
	_ = format.NewCSV(body, "", 0)
	if body.Len() != len(partnerHeader) {
		t.Error("the body was touched")
	}
}
