package e2e

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf16"

	"countersign/internal/db"
	"countersign/registration/hardwarehash"
)

// sheet is a delivery as somebody kept it in a German spreadsheet: a serial number with
// a blank behind it, a product key id the spreadsheet rounded, a serial number beside
// another machine's hash, one it took for a date, rows without anything.
func sheet(devices []hardwarehash.Device) [][]string {
	serial := func(i int) string { return devices[i].Report.Identity().Serial }
	tuple := devices[5].Report.Identity()
	return [][]string{
		{"Device serial number", "Windows product ID", "Hardware hash", "Manufacturer name", "Device model", "Gerät für"},
		{serial(0) + " ", "", devices[0].Hash(), "", "", "Müller"},
		{"", "", "", "", "", ""},
		{"", "3,25851E+12", "", "", "", "Köln; Lager"},
		{serial(2), "", devices[1].Hash(), "", "", ""},
		{"12-Mar", "", devices[3].Hash(), "", "", ""},
		{"", "", "", "", "", ""},
		{"", "", devices[4].Hash(), "", "", "-15 %"},
		{tuple.Serial, "", "", tuple.Manufacturer, tuple.Product, "=1+1"},
		{"", "", "", "", "", ""},
	}
}

// corrected is what its owner makes of the result: every cell that was called wrong.
func corrected(rows [][]string, devices []hardwarehash.Device) {
	set := func(row int, serial, key, hash string) { rows[row][0], rows[row][1], rows[row][2] = serial, key, hash }
	set(2, "", "", devices[6].Hash())
	set(3, devices[1].Report.Identity().Serial, "", devices[1].Hash())
	set(4, devices[3].Report.Identity().Serial, "", devices[3].Hash())
	set(6, devices[5].Report.Identity().Serial, "", devices[5].Hash())
}

func written(t *testing.T, rows [][]string, separator rune) string {
	t.Helper()
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	w.Comma, w.UseCRLF = separator, true
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func inUTF16(text string) []byte {
	out := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return out
}

// in1252 knows the letters of the sheet, which are the same there as in Latin-1.
func in1252(text string) []byte {
	var out []byte
	for _, letter := range text {
		out = append(out, byte(letter))
	}
	return out
}

// readSheet reads a result as a spreadsheet does.
func readSheet(t *testing.T, content []byte, separator rune) [][]string {
	t.Helper()
	text, marked := bytes.CutPrefix(content, []byte("\uFEFF"))
	if !marked {
		t.Error("the result has no byte order mark: a spreadsheet would garble it")
	}
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma = separator
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatalf("no spreadsheet opens the result: %v\n%s", err, content)
	}
	return rows
}

// A file as it really arrives gives the documented outcome for each row, in any of the
// encodings spreadsheets save; the result opens in a spreadsheet and does nothing there,
// and, corrected and sent again, everything is done.
func TestSpreadsheet_asItArrives(t *testing.T) {
	for name, c := range map[string]struct {
		on        db.Dialect
		separator rune
		encode    func(string) []byte
	}{
		"UTF-8 with a mark and semicolons": {db.Postgres, ';', func(s string) []byte { return []byte("\uFEFF" + s) }},
		"UTF-16 with tabs":                 {db.SQLite, '\t', inUTF16},
		"Windows-1252":                     {db.SQLite, ';', in1252},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.on)
			r := s.start()
			p := newPeople(t, s)
			p.agree(r, p.tenant, p.customer)
			var devices []hardwarehash.Device
			for range 7 {
				devices = append(devices, p.devices.Next())
			}
			me := p.commandLine(r, p.reseller)
			me.write("Lieferung März.csv", c.encode(written(t, sheet(devices), c.separator)))
			me.run(3, "submit", "Lieferung März.csv", "--tenant", p.tenant, "--batch", "März")

			result := readSheet(t, me.read("Lieferung März.result.csv"), c.separator)
			judgeSheet(t, result)
			corrected(result, devices)
			me.write("Lieferung März.result.csv", []byte("\uFEFF"+written(t, result, c.separator)))
			me.run(0, "submit", "Lieferung März.result.csv", "--tenant", p.tenant, "--batch", "März", "--append")
		})
	}
}

// judgeSheet compares a result with what domain rules 3 and 4 say of each row.
func judgeSheet(t *testing.T, result [][]string) {
	t.Helper()
	column := map[string]int{}
	for i, title := range result[0] {
		column[title] = i
	}
	want := []struct{ code, class, says string }{
		{"", "done", "blanks around the value"},
		{"801", "fix_row", "rounded"},
		{"9004", "fix_row", "states"},
		{"9004", "fix_row", "looks like a date"},
		{"", "done", "Blank rows skipped before this one: 1"},
		{"812", "ask_manufacturer", ""},
	}
	if len(result) != len(want)+1 {
		t.Fatalf("%d rows in the result, want %d: blank rows are skipped", len(result)-1, len(want))
	}
	for i, w := range want {
		row := result[i+1]
		code, class, detail := row[column["errorCode"]], row[column["outcomeClass"]], row[column["explanation"]]
		if code != w.code || class != w.class || !strings.Contains(detail, w.says) {
			t.Errorf("row %d: code %q, class %q, %q; want %+v", i+1, code, class, detail, w)
		}
	}
	for i, row := range result {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				t.Errorf("row %d: a spreadsheet takes %q for a formula", i, cell)
			}
		}
	}
}
