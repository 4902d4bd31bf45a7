package format_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/models"
)

// secretKey is invented; the letters are those of product keys.
const secretKey = "N7YYX-3VTRD-9K2QW-HB4CF-6JMPG"

var (
	_ intake.ReportSource = (*format.ReportJSON)(nil)
	_ intake.ReportSource = (*format.ReportNDJSON)(nil)
	_ intake.ReportSource = (*format.OA3)(nil)
)

func readReport(t testing.TB, body string) ([]intake.Row, string, error) {
	t.Helper()
	src := format.NewReportJSON(iotest.HalfReader(strings.NewReader(body)), 0)
	rows, err := read(src)
	checkDigest(t, src, body)
	return rows, src.ReportID(), err
}

func TestReportJSON_keys(t *testing.T) {
	t.Parallel()
	want := []intake.Row{
		{ProductKey: "3305123456789", KeyState: "3", HardwareHash: "T0EA", SerialNumber: "NB-1", SoldTo: "p-2", Order: models.OrderData{PurchaseOrder: "PO", GroupTag: "g"}},
		{ProductKey: "3305123456790", KeyState: "5"},
	}
	keys := `[{"productKey":"3305123456789","productKeyState":3,"hardwareHash":"T0EA","serialNumber":"NB-1","soldTo":"p-2","purchaseOrder":"PO","groupTag":"g","modelName":"X","policies":1},
		{"ProductKeyID":"3305123456790","PRODUCTKEYSTATE":"5","HardwareHash":null}]`
	const id = "{0B6C3D52-77AA-4c1e-9a53-5d2f0f6f1a10}"
	for name, c := range map[string]struct{ body, id string }{
		"id first":  {`{"CustomerReportUniqueID":"` + id + `","keys":` + keys + `}`, "0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10"},
		"id last":   {`{"x":[],"KEYS":` + keys + `,"customerreportuniqueid":"line-7:0001"}`, "line-7:0001"},
		"no id":     {`{"keys":` + keys + `,"customerReportUniqueId":null}`, ""},
		"bare list": {keys, ""},
	} {
		rows, got, err := readReport(t, c.body)
		if diff := cmp.Diff(want, rows); diff != "" || err != nil || got != c.id {
			t.Errorf("%s: id %q, error %v %s", name, got, err, diff)
		}
	}
}

func TestReportJSON_soldToForAll(t *testing.T) {
	t.Parallel()
	rows, _, err := readReport(t, `{"SoldToCustomerID":4711000001,"keys":[{"soldTo":"p-2"},{},{"SoldToCustomerID":" "}]}`)
	if err != nil || len(rows) != 3 || rows[0].SoldTo != "p-2" || rows[1].SoldTo != "4711000001" || rows[2].SoldTo != "4711000001" {
		t.Errorf("rows %+v, error %v", rows, err)
	}
	_, _, err = readReport(t, `{"keys":[],"soldTo":"p-2"}`)
	refused(t, err, "body_malformed", "/soldTo", "before the first")
	if _, _, err = readReport(t, `{"keys":[],"soldTo":""}`); err != nil {
		t.Errorf("an empty soldTo after the keys: %v", err)
	}
}

func TestReportJSON_brokenContainers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		words      []string
	}{
		{"text", `"x"`, []string{"customerReportUniqueId and keys", "it is text"}},
		{"keys as text", `{"keys":"x"}`, []string{"/keys", "list of keys"}},
		{"id as number", `{"customerReportUniqueId":12345678}`, []string{"/customerReportUniqueId", "must be text"}},
		{"id too short", `{"customerReportUniqueId":"1234567"}`, []string{"/customerReportUniqueId", "8 to 128"}},
		{"id too long", `{"customerReportUniqueId":"` + strings.Repeat("a", 1<<20) + `"}`, []string{"8 to 128"}},
		{"id with a slash", `{"customerReportUniqueId":"report/2026"}`, []string{"8 to 128"}},
		{"id twice", `{"customerReportUniqueId":"12345678","CUSTOMERREPORTUNIQUEID":"12345678"}`, []string{"twice"}},
		{"both names of soldTo", `{"soldTo":"a","SoldToCustomerID":"b"}`, []string{"/SoldToCustomerID", "twice"}},
		{"soldTo too long", `{"soldTo":"` + strings.Repeat("a", 300) + `"}`, []string{"too long"}},
		{"second list", `[]{}`, []string{"follows the end"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readReport(t, c.body)
			refused(t, err, "body_malformed", append(c.words, "Nothing was stored")...)
		})
	}
}

func TestReportJSON_brokenKeyIsItsRowsOutcome(t *testing.T) {
	t.Parallel()
	rows, _, err := readReport(t, `[{"productKey":1},{"productKeyState":[]},{"productKey":"1","ProductKeyID":"2"},7]`)
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, error %v", len(rows), err)
	}
	for i, word := range []string{"must be text", "productKeyState must be text", "twice", "must be an object"} {
		if got := rows[i].Unreadable; !strings.Contains(got, word) || !strings.HasPrefix(got, fmt.Sprintf("Key %d", i+1)) {
			t.Errorf("sentence %q, want it to say %q", got, word)
		}
	}
}

// A product key may only be where intake sees it and does not keep it.
func TestReportJSON_productKeys(t *testing.T) {
	t.Parallel()
	bare := strings.ReplaceAll(secretKey, "-", "")
	for name, key := range map[string]string{
		"alone": `{"productKey":"` + secretKey + `"}`, "as the id": `{"productKeyId":"` + bare + `"}`,
		"beside the id": `{"productKey":"` + secretKey + `","ProductKeyID":"3305123456789"}`,
		"after the id":  `{"ProductKeyID":"3305123456789","productKey":"` + secretKey + `"}`,
	} {
		rows, _, err := readReport(t, "["+key+"]")
		if err != nil || len(rows) != 1 || rows[0].Unreadable != "" || !intake.HoldsProductKey(rows[0].ProductKey) {
			t.Errorf("%s: intake is not told of it: %+v, error %v", name, rows, err)
		}
	}
	rows, _, err := readReport(t, `[{"unknown":"`+secretKey+`","soldTo":"x `+secretKey+`"},{"productKeyState":"`+secretKey+`"},{"`+secretKey+`":1,"`+secretKey+`":2}]`)
	if err != nil || len(rows) != 3 || !strings.Contains(rows[0].Unreadable, "secret") || !strings.Contains(rows[1].Unreadable, "secret") || rows[2].Unreadable == "" {
		t.Errorf("rows %+v, error %v", rows, err)
	}
	silent(t, rows, err)
	for _, key := range []string{
		`{"unknown":"` + secretKey + `"}`, `{"unknown":{"a":[1,"` + bare + `"]}}`, `{"unknown":{"` + secretKey + `":1}}`, `{"` + secretKey + `":1}`,
	} {
		rows, _, err := readReport(t, "["+key+`,{"unknown":"AAAAA-BBBBB"}]`)
		if err != nil || len(rows) != 2 || !strings.Contains(rows[0].Unreadable, "secret") || rows[1].Unreadable != "" {
			t.Errorf("%s: the sender is not told: %+v, error %v", key, rows, err)
		}
		silent(t, rows, err)
	}
	for _, body := range []string{
		`{"customerReportUniqueId":"` + secretKey + `"}`, `{"customerReportUniqueId":"line-` + secretKey + `"}`, `{"soldTo":"` + secretKey + `"}`,
	} {
		_, id, err := readReport(t, body)
		refused(t, err, "product_key_secret", "secret", "nothing of the body was kept", "OA3Tool /Report")
		silent(t, nil, err)
		if id != "" {
			t.Errorf("kept the id %q", id)
		}
	}
	for _, body := range []string{`{"` + secretKey + `":{]`, `[{"` + secretKey + `":` + secretKey, `{"a":"` + secretKey + `"`} {
		_, _, err := readReport(t, body)
		refused(t, err, "body_malformed")
		silent(t, nil, err)
	}
}

// silent looks for the product key in all that is kept or told.
func silent(t testing.TB, rows []intake.Row, err error) {
	t.Helper()
	told := fmt.Sprintf("%+v %v", rows, err)
	if err != nil {
		told += fmt.Sprintf("%+v", err)
	}
	if strings.Contains(strings.ToUpper(told), secretKey) || strings.Contains(strings.ToUpper(told), strings.ReplaceAll(secretKey, "-", "")) {
		t.Errorf("a product key is told: %s", told)
	}
}

func TestReportNDJSON_oneKeyALine(t *testing.T) {
	t.Parallel()
	body := `{"productKeyId":"3305123456789","productKeyState":3,"soldTo":" p-2 "}` + "\n" + `{"productKey":` + "\n" + `{"hardwareHash":"T0EA","customerReportUniqueId":"ignored-here"}`
	src := format.NewReportNDJSON(strings.NewReader(body), 0)
	rows, err := read(src)
	checkDigest(t, src, body)
	if err != nil || len(rows) != 3 || src.ReportID() != "" {
		t.Fatalf("rows %+v, error %v", rows, err)
	}
	if diff := cmp.Diff(intake.Row{ProductKey: "3305123456789", KeyState: "3", SoldTo: "p-2"}, rows[0]); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(rows[1].Unreadable, "Line 2 ") || rows[2].HardwareHash != "T0EA" {
		t.Errorf("rows %+v", rows[1:])
	}
}
