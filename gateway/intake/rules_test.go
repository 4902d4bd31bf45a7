package intake

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// machine is an invented device with what its hash states.
type machine struct {
	hash string
	id   hardwarehash.Identity
}

func machines(n int) []machine {
	gen := hardwarehash.NewGenerator(2)
	out := make([]machine, n)
	for i := range out {
		d := gen.Next()
		out[i] = machine{hash: d.Hash(), id: d.Report.Identity()}
	}
	return out
}

// bare is the hash of a device that states only what is given.
func bare(t testing.TB, inv hardwarehash.Inventory) string {
	t.Helper()
	report, err := hardwarehash.New(inv)
	if err != nil {
		t.Fatal(err)
	}
	return report.Text()
}

func TestRules_eachOutcome(t *testing.T) {
	t.Parallel()
	m := machines(2)
	const secret = "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"
	broken := []byte(m[0].hash)
	broken[400] ^= 1 // stays base64 or not; either way the digest or the alphabet refuses it
	for _, tc := range []struct {
		name string
		row  Row
		kind models.PartnerKind // default: reseller
		code models.OutcomeCode // "open" when the core decides
		says []string
	}{
		{name: "tuple", row: Row{SerialNumber: "A1", Manufacturer: "M", Model: "X"}, code: "open"},
		{name: "product key id", row: Row{ProductKey: "3258505007954"}, code: "open"},
		{name: "hash", row: Row{HardwareHash: m[0].hash}, code: "open"},
		{name: "hash that agrees", row: Row{HardwareHash: m[0].hash, SerialNumber: " " + m[0].id.Serial, ProductKey: m[0].id.ProductKeyID}, code: "open"},
		{name: "unreadable", row: Row{Unreadable: "serialNumber is not a text."}, code: "801", says: []string{"serialNumber is not a text."}},
		{name: "large cell", row: Row{SerialNumber: strings.Repeat("x", MaxCell+1)}, code: "801", says: []string{"serialNumber", "16384"}},
		{name: "largest cell", row: Row{SerialNumber: strings.Repeat("x", MaxCell), Manufacturer: "M", Model: "X"}, code: "open"},
		{name: "NUL", row: Row{SerialNumber: "A\x001", Manufacturer: "M", Model: "X"}, code: "801", says: []string{"serialNumber", "NUL"}},
		{name: "invalid UTF-8", row: Row{SerialNumber: "A1", Manufacturer: "M\xff", Model: "X"}, code: "801", says: []string{"oemManufacturerName", "UTF-8"}},
		{name: "NUL in order data", row: Row{ProductKey: "3258505007954", Order: models.OrderData{GroupTag: "\x00"}}, code: "801", says: []string{"groupTag"}},
		{name: "product key", row: Row{ProductKey: secret}, code: "801", says: []string{"productKey", "secret", "13 digits"}},
		{name: "product key with blanks", row: Row{ProductKey: strings.ReplaceAll(strings.ToLower(secret), "-", " ")}, code: "801", says: []string{"secret"}},
		{name: "product key without dashes", row: Row{ProductKey: strings.ReplaceAll(secret, "-", "")}, code: "801", says: []string{"secret"}},
		{name: "product key elsewhere", row: Row{ProductKey: "3258505007954", Order: models.OrderData{CustomerReference: "key " + secret}}, code: "801", says: []string{"customerReference", "secret"}},
		{name: "product key as serial", row: Row{SerialNumber: strings.ReplaceAll(secret, "-", "–"), Manufacturer: "M", Model: "X"}, code: "801", says: []string{"serialNumber", "secret"}},
		{name: "product key in a reader's sentence", row: Row{Unreadable: "cannot read " + secret}, code: "801", says: []string{"secret"}},
		{name: "rounded key", row: Row{ProductKey: "3.25851E+12"}, code: "801", says: []string{"productKey", "the spreadsheet rounded this number"}},
		{name: "rounded serial", row: Row{SerialNumber: "4,5E+09", Manufacturer: "M", Model: "X"}, code: "801", says: []string{"serialNumber", "rounded"}},
		{name: "windows product id", row: Row{ProductKey: "00330-80000-00000-AA123"}, code: "801", says: []string{"13 digits"}},
		{name: "12 digits", row: Row{ProductKey: "325850500795"}, code: "801", says: []string{"12 characters", "zero", "spreadsheet"}},
		{name: "11 digits", row: Row{ProductKey: "32585050079"}, code: "801", says: []string{"11 characters", "Windows settings"}},
		{name: "date beside a hash", row: Row{HardwareHash: m[0].hash, SerialNumber: "12-Mar"}, code: "9004", says: []string{"12-Mar", m[0].id.Serial, "date", "spreadsheet"}},
		{name: "date as a serial", row: Row{SerialNumber: "12. Mrz", Manufacturer: "M", Model: "X"}, code: "open"},
		{name: "serial number of 25 letters and digits", row: Row{SerialNumber: "SGH12AB34CD56EF78GH90JK12", Manufacturer: "M", Model: "X"}, code: "open"},
		{name: "product key beside a word", row: Row{SerialNumber: "key" + secret, Manufacturer: "M", Model: "X"}, code: "801", says: []string{"secret"}},
		{name: "damaged hash", row: Row{HardwareHash: string(broken)}, code: "802", says: []string{"hardwareHash was refused ("}},
		{name: "cut hash", row: Row{HardwareHash: m[0].hash[:400]}, code: "802", says: []string{"truncated"}},
		{name: "wrong column", row: Row{HardwareHash: "Skerry 14"}, code: "802", says: []string{"wrong_magic", "column"}},
		{name: "long hash", row: Row{HardwareHash: "T0E" + strings.Repeat("A", 4096)}, code: "802", says: []string{"too_long"}},
		{name: "nothing", row: Row{}, code: "803", says: []string{"names no device", "hardwareHash"}},
		{name: "serial alone", row: Row{SerialNumber: "A1"}, code: "803", says: []string{"oemManufacturerName and modelName are missing"}},
		{name: "no model", row: Row{SerialNumber: "A1", Manufacturer: "M"}, code: "803", says: []string{"modelName is missing"}},
		{name: "blank is empty", row: Row{SerialNumber: "A1", Manufacturer: "M", Model: " \u00a0"}, code: "803", says: []string{"modelName is missing"}},
		{name: "manufacturer with hash", kind: models.OEM, row: Row{HardwareHash: m[0].hash}, code: "803", says: []string{"Send a build report"}},
		{name: "manufacturer with tuple", kind: models.OEM, row: Row{SerialNumber: "A1", Manufacturer: "M", Model: "X"}, code: "open"},
		{name: "manufacturer with nothing", kind: models.OEM, row: Row{}, code: "803", says: []string{"names no device"}},
		{name: "other serial", row: Row{HardwareHash: m[0].hash, SerialNumber: m[1].id.Serial}, code: "9004", says: []string{m[0].id.Serial, m[1].id.Serial, "serialNumber"}},
		{name: "other key", row: Row{HardwareHash: m[0].hash, ProductKey: m[1].id.ProductKeyID}, code: "9004", says: []string{m[0].id.ProductKeyID, m[1].id.ProductKeyID, "productKey"}},
		{name: "placeholder serial states nothing", row: Row{HardwareHash: m[0].hash, SerialNumber: "To be filled by O.E.M."}, code: "open"},
		{name: "policies", row: Row{HardwareHash: m[0].hash, HasPolicies: true}, code: "809", says: []string{"profile"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			kind := tc.kind
			if kind == "" {
				kind = models.DirectReseller
			}
			r := rules{kind: kind, seen: &seen{}}
			got := r.check(1, tc.row)
			code, detail := models.OutcomeCode("open"), ""
			if got.verdict != nil {
				code, detail = got.verdict.code, got.verdict.detail
			}
			if code != tc.code {
				t.Fatalf("outcome %q (%s), want %q", code, detail, tc.code)
			}
			for _, s := range tc.says {
				if !strings.Contains(detail, s) {
					t.Errorf("%q does not say %q", detail, s)
				}
			}
			if (code == "open" && tc.row.HardwareHash != "") != (len(got.identity.Hash) > 0) {
				t.Errorf("kept %d bytes of hash", len(got.identity.Hash))
			}
			noSecret(t, got)
		})
	}
}

// noSecret looks for a product key in everything that is stored of a row.
func noSecret(t testing.TB, c checked) {
	t.Helper()
	values, err := rowValues(1, c, anyTime)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if s, ok := v.(string); ok && strings.Contains(strings.ToUpper(strings.Map(keepAlnum, s)), "N7YYX3VTRD") {
			t.Errorf("column %s keeps a product key", rowColumns[i])
		}
		if s, ok := v.(string); ok && strings.ContainsRune(s, 0) {
			t.Errorf("column %s keeps a NUL", rowColumns[i])
		}
	}
}

func TestRules_trimsAndReports(t *testing.T) {
	t.Parallel()
	r := rules{kind: models.DirectReseller, seen: &seen{}, defaults: models.OrderData{PurchaseOrder: "PO-1", GroupTag: "all"}}
	got := r.check(1, Row{
		SerialNumber: "\u200b A1\u00a0", Manufacturer: "M", Model: "X ", Warnings: []string{"column Notes was ignored"},
		Order: models.OrderData{GroupTag: " sales ", OrderNumber: "4.5E+11"},
	})
	if got.verdict != nil {
		t.Fatal(got.verdict.detail)
	}
	want := models.DeviceIdentity{SerialNumber: "A1", Manufacturer: "M", Model: "X"}
	if got.identity.SerialNumber != want.SerialNumber || got.identity.Model != want.Model {
		t.Errorf("identity %+v", got.identity)
	}
	if got.order.GroupTag != "sales" || got.order.PurchaseOrder != "PO-1" {
		t.Errorf("order data %+v", got.order)
	}
	wantWarnings := []string{
		"column Notes was ignored", "serialNumber: blanks around the value were cut off.",
		"modelName: blanks around the value were cut off.",
		`orderNumber is "4.5E+11": the spreadsheet seems to have rounded this number.`,
		"groupTag: blanks around the value were cut off.",
	}
	if !slices.Equal(got.warnings, wantWarnings) {
		t.Errorf("warnings %q", got.warnings)
	}
}

func TestRules_otherNamesAreWarnings(t *testing.T) {
	t.Parallel()
	m := machines(1)[0]
	r := rules{kind: models.DirectReseller, seen: &seen{}}
	got := r.check(1, Row{HardwareHash: m.hash, Manufacturer: strings.ToUpper(m.id.Manufacturer), Model: "Marketing Name 14"})
	if got.verdict != nil || len(got.warnings) != 1 || !strings.Contains(got.warnings[0], "Marketing Name 14") || !strings.Contains(got.warnings[0], m.id.Product) {
		t.Errorf("verdict %v, warnings %q", got.verdict, got.warnings)
	}
}

func TestRules_duplicatesByStrongestKey(t *testing.T) {
	t.Parallel()
	m := machines(3)
	tuple := Row{SerialNumber: "A1", Manufacturer: "M", Model: "X"}
	keyOnly := bare(t, hardwarehash.Inventory{ProductKeyID: "3258505007954"})
	uuid := hardwarehash.UUID(bytes.Repeat([]byte{0x42}, 16))
	system := hardwarehash.System{Manufacturer: "M", Product: "X", Serial: "A1"}
	noTPM := hardwarehash.Inventory{UUID: &uuid, System: system}
	noTPMLater := noTPM
	noTPMLater.TPMVersion = "x"
	otherSerial := noTPM
	otherSerial.System.Serial = "A2"
	recaptured, err := hardwarehash.Recapture(mustDecode(t, m[0].hash), 9)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name          string
		first, second Row
		duplicate     bool
	}{
		{"same hash", Row{HardwareHash: m[0].hash}, Row{HardwareHash: m[0].hash}, true},
		{"another capture", Row{HardwareHash: m[0].hash}, Row{HardwareHash: recaptured.Text()}, true},
		{"other device", Row{HardwareHash: m[0].hash}, Row{HardwareHash: m[1].hash}, false},
		{"UUID and serial", Row{HardwareHash: bare(t, noTPM)}, Row{HardwareHash: bare(t, noTPMLater)}, true},
		{"UUID alone is not enough", Row{HardwareHash: bare(t, noTPM)}, Row{HardwareHash: bare(t, otherSerial)}, false},
		{"product key id", Row{ProductKey: "3258505007954"}, Row{ProductKey: "3258505007954"}, true},
		{"product key id inside a hash", Row{ProductKey: "3258505007954"}, Row{HardwareHash: keyOnly}, true},
		{"tuple", tuple, tuple, true},
		{"tuple of a hash", Row{HardwareHash: bare(t, hardwarehash.Inventory{System: system})}, tuple, true},
		{"tuple by case", tuple, Row{SerialNumber: "a1", Manufacturer: "M", Model: "X"}, false},
		{"shifted tuple", tuple, Row{SerialNumber: "A1", Manufacturer: "MX", Model: " "}, false},
		{"first one refused", Row{SerialNumber: "A1", Manufacturer: "M", Model: "X", HasPolicies: true}, tuple, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := rules{kind: models.DirectReseller, seen: &seen{}}
			r.check(4, tc.first)
			second := r.check(9, tc.second)
			got := second.verdict != nil && second.verdict.code == models.OutcomeDuplicated
			if got != tc.duplicate {
				t.Fatalf("duplicate %v, want %v (%+v)", got, tc.duplicate, second.verdict)
			}
			if got && !strings.Contains(second.verdict.detail, "row 4 ") {
				t.Errorf("%q does not name row 4", second.verdict.detail)
			}
		})
	}
}

func mustDecode(t testing.TB, text string) *hardwarehash.Report {
	t.Helper()
	report, _, err := hardwarehash.DecodeText([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return report
}
