package format_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"countersign/gateway/intake"
	"countersign/models"
	"countersign/registration/hardwarehash"
)

// invented makes devices that belong to no real machine.
func invented(n int) []hardwarehash.Device {
	gen := hardwarehash.NewGenerator(7)
	out := make([]hardwarehash.Device, n)
	for i := range out {
		out[i] = gen.Next()
	}
	return out
}

// A German spreadsheet's file, with the damage such files have, gives the same rows in
// each encoding it may be saved in.
func TestCSV_germanSpreadsheet(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("testdata/spreadsheet-de.csv")
	if err != nil {
		t.Fatal(err)
	}
	devices := invented(3)
	var pairs []string
	for i, d := range devices {
		id := d.Report.Identity()
		n := strconv.Itoa(i+1) + "}"
		pairs = append(pairs, "{serial "+n, id.Serial, "{key "+n, id.ProductKeyID, "{hash "+n, d.Hash())
	}
	text := strings.NewReplacer(pairs...).Replace(string(template))
	if strings.Contains(text, "{") {
		t.Fatal("the fixture names something that was not filled in")
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(withTabs(text))
	if err != nil {
		t.Fatal(err)
	}
	old, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	order := func(n string) models.OrderData { return models.OrderData{PurchaseOrder: n} }
	want := []intake.Row{
		{SerialNumber: devices[0].Report.Identity().Serial + " ", ProductKey: devices[0].Report.Identity().ProductKeyID, HardwareHash: devices[0].Hash(), Order: order("4711")},
		{ProductKey: "3,25851E+12", Order: order("4712"), Warnings: []string{"Blank rows skipped before this one: 1."}},
		{SerialNumber: devices[2].Report.Identity().Serial, HardwareHash: devices[1].Hash(), Order: order("4713")},
		{SerialNumber: "12-Mar", HardwareHash: devices[2].Hash(), Order: order("4714"), Warnings: []string{"Blank rows skipped before this one: 2."}},
		{SerialNumber: "12. Mrz", Manufacturer: "Müller GmbH", Model: "Würfel 3", Order: order("4715")},
	}
	for _, c := range []struct{ name, body, charset string }{
		{"UTF-8 with a mark and semicolons", "\ufeff" + text, ""},
		{"UTF-16 with tabs", wide, ""},
		{"Windows-1252", old, "windows-1252"},
	} {
		rows, err := readCSV(t, c.body, c.charset)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// withTabs replaces the separators outside quotation marks.
func withTabs(text string) string {
	quoted := false
	return strings.Map(func(r rune) rune {
		if r == '"' {
			quoted = !quoted
		}
		switch {
		case r == ';' && !quoted:
			return '\t'
		case r == '\t': // a tab in a cell would separate
			return ' '
		}
		return r
	}, text)
}
