package format_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
)

func readOA3(t testing.TB, body, charset string) ([]intake.Row, string, error) {
	t.Helper()
	src := format.NewOA3(iotest.HalfReader(strings.NewReader(body)), charset, 0)
	rows, err := read(src)
	checkDigest(t, src, body)
	return rows, src.ReportID(), err
}

const reportNamespace = `xmlns="http://schemas.ms.it.oem/digitaldistribution/2010/10"`

func TestOA3_shapes(t *testing.T) {
	t.Parallel()
	one := intake.Row{ProductKey: "3258505007954", KeyState: "3", HardwareHash: "T0EAAA=="}
	const members = `<ProductKeyID>3258505007954</ProductKeyID><ProductKeyState>3</ProductKeyState><HardwareHash>T0EAAA==</HardwareHash>`
	sold := one
	sold.SoldTo, sold.SerialNumber = "0001234567", "NB-1"
	for _, c := range []struct {
		name, body string
		want       []intake.Row
		id         string
	}{
		{"as OA3Tool reports", "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<Key>\r\n  " + members + "\r\n</Key>\r\n", []intake.Row{one}, ""},
		{"many keys", `<Keys><Key>` + members + `</Key><!-- next --><Key/><Key>` + members + `</Key></Keys>`, []intake.Row{one, {}, one}, ""},
		{
			"report with its header", `<ComputerBuildReport ` + reportNamespace + `><CustomerReportUniqueID>{0B6C3D52-77AA-4C1E-9A53-5D2F0F6F1A10}</CustomerReportUniqueID>` +
				`<SoldToCustomerID>0001234567</SoldToCustomerID><ReceivedFromCustomerID>1</ReceivedFromCustomerID><Keys><Key>` + members +
				`<SerialNumber>NB-1</SerialNumber><OEMOptionalInfo><Field><Name>ZPC_MODEL_SKU</Name><Value>x</Value></Field></OEMOptionalInfo><TrackingInfo/></Key></Keys></ComputerBuildReport>`,
			[]intake.Row{sold},
			"0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10",
		},
		{
			"bindings, prefixes and the id at the end", `<d:Report xmlns:d="urn:x"><d:Bindings><d:Binding><d:ProductKeyID>3258505007954</d:ProductKeyID><d:ProductKeyState> 3 </d:ProductKeyState>` +
				`<d:HardwareHash><![CDATA[T0EA]]><!-- x -->AA==</d:HardwareHash></d:Binding></d:Bindings><d:CustomerReportUniqueID>line-7.0001</d:CustomerReportUniqueID></d:Report>`,
			[]intake.Row{one},
			"line-7.0001",
		},
		{"wrapped hash and empty product key", "<Key><ProductKey/><ProductKey> </ProductKey>" + strings.Replace(members, "T0EAAA", "\r\n\tT0EA\n  AA", 1) + "</Key>", []intake.Row{one}, ""},
		{"key inside a key", `<Key>` + members + `<Old><Key><ProductKeyID>1</ProductKeyID></Key></Old></Key>`, []intake.Row{one}, ""},
		{"sold to by key", `<Keys><SoldTo>p-1</SoldTo><Key><SoldTo>p-2</SoldTo></Key><Key/></Keys>`, []intake.Row{{SoldTo: "p-2"}, {SoldTo: "p-1"}}, ""},
		{"no keys", `<Keys/>`, nil, ""},
	} {
		rows, id, err := readOA3(t, c.body, "")
		if diff := cmp.Diff(c.want, rows); diff != "" || err != nil || id != c.id {
			t.Errorf("%s: id %q, error %v %s", c.name, id, err, diff)
		}
	}
}

func TestOA3_encodings(t *testing.T) {
	t.Parallel()
	text := func(declared string) string {
		return `<?xml version="1.0" encoding="` + declared + `"?><Key><SerialNumber>Gerät 1</SerialNumber></Key>`
	}
	wide := func(s string, e unicode.Endianness, bom unicode.BOMPolicy) string {
		out, err := unicode.UTF16(e, bom).NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	old := func(s string) string {
		out, err := charmap.Windows1252.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct{ name, body, charset string }{
		{"UTF-8", text("UTF-8"), ""},
		{"UTF-8 with a mark", "\ufeff" + text("utf-8"), ""},
		{"UTF-16", wide(text("utf-16"), unicode.LittleEndian, unicode.UseBOM), ""},
		{"UTF-16, big endian", wide(text("UTF-16"), unicode.BigEndian, unicode.UseBOM), ""},
		{"UTF-16 without a mark", wide(text("utf-16"), unicode.LittleEndian, unicode.IgnoreBOM), ""},
		{"UTF-16, big endian without a mark", wide(text("utf-16"), unicode.BigEndian, unicode.IgnoreBOM), ""},
		{"Windows-1252 by its declaration", old(text("Windows-1252")), ""},
		{"ISO 8859-1 by its declaration", old(text("iso-8859-1")), ""},
		{"Windows-1252 by the call", old(text("utf-8")), "windows-1252"},
		{"UTF-8 that declares UTF-16", text("utf-16"), ""},
		{"a mark is stronger than all else", "\ufeff" + text("windows-1252"), "windows-1252"},
	} {
		rows, _, err := readOA3(t, c.body, c.charset)
		if err != nil || len(rows) != 1 || rows[0].SerialNumber != "Gerät 1" || rows[0].Unreadable != "" {
			t.Errorf("%s: rows %+v, error %v", c.name, rows, err)
		}
	}
	_, _, err := readOA3(t, text("koi8-r"), "")
	refused(t, err, "body_malformed", "koi8-r", "UTF-8")
	_, _, err = readOA3(t, old(text("utf-8")), "")
	refused(t, err, "body_malformed", "UTF-8")
}

func TestOA3_brokenContainers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		words      []string
	}{
		{"empty", "", []string{"empty", "OA3Tool /Report"}},
		{"blank", " \n", []string{"empty"}},
		{"JSON", `{"keys":[]}`, []string{"line 1", "no XML"}},
		{"cut off", "<Keys>\n<Key>\n<HardwareHash>T0E", []string{"line 3", "ends too early"}},
		{"cut off between keys", "<Keys>\n<Key/>\n", []string{"line 3", "ends too early"}},
		{"second root", "<Key/>\n<Key/>", []string{"line 2", "follows the end"}},
		{"text after the root", "<Key/>\nx", []string{"line 2", "follows the end"}},
		{"wrong end", "<Keys><Key></Keys>", []string{"line 1", "closed by"}},
		{"document type", `<!DOCTYPE Key SYSTEM "http://x/">` + "\n<Key/>", []string{"line 1", "DOCTYPE"}},
		{"document type with entities", `<!DOCTYPE k [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><Key><SerialNumber>&c;</SerialNumber></Key>`, []string{"DOCTYPE"}},
		{"unknown entity", "<Key>\n<SerialNumber>&c;</SerialNumber></Key>", []string{"line 2", "entity"}},
		{"too deep", strings.Repeat("<a>", 17) + strings.Repeat("</a>", 17), []string{"deeper than 16"}},
		{"text too long", "<Key>\n<HardwareHash>" + strings.Repeat("A", 1<<20) + "</HardwareHash></Key>", []string{"line 2", "longer than 64 KiB"}},
		{"text too long in pieces", "<Key>\n<HardwareHash>" + strings.Repeat("<![CDATA["+strings.Repeat("A", 1000)+"]]>", 100) + "</HardwareHash></Key>", []string{"line 2", "longer than 64 KiB"}},
		{"tag too long", `<Key x="` + strings.Repeat("A", 1<<20) + `"/>`, []string{"longer than 64 KiB"}},
		{"comment too long", `<Key/><!--` + strings.Repeat("<", 1<<20) + `-->`, []string{"longer than 64 KiB"}},
		{"NUL", "<Key>\x00</Key>", []string{"U+0000"}},
		{"version", `<?xml version="1.1"?><Key/>`, []string{"version"}},
		{"id too short", "<R>\n<CustomerReportUniqueID>1</CustomerReportUniqueID><Key/></R>", []string{"line 2", "CustomerReportUniqueID", "8 to 128"}},
		{"id twice", "<R><CustomerReportUniqueID>12345678</CustomerReportUniqueID><CustomerReportUniqueID>12345678</CustomerReportUniqueID></R>", []string{"twice"}},
		{"sold to after a key", "<R><Key/>\n<SoldToCustomerID>1</SoldToCustomerID></R>", []string{"line 2", "SoldToCustomerID", "before the first"}},
		{"decoded report", `<HardwareReport><HardwareInventory><p n="ToolVersion" v="8"/></HardwareInventory></HardwareReport>`, []string{"decoded hardware report", "ReportedXMLFile"}},
		{"log trace", `<HardwareVerificationData><Hardware/></HardwareVerificationData>`, []string{"log trace", "ReportedXMLFile"}},
		{"configuration", `<OA3><FileBased><InputKeyXMLFile>key.xml</InputKeyXMLFile></FileBased></OA3>`, []string{"configuration", "ReportedXMLFile"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readOA3(t, c.body, "")
			refused(t, err, "body_malformed", append(c.words, "Nothing was stored")...)
		})
	}
}

func TestOA3_brokenKeyIsItsRowsOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, key, word string }{
		{"member twice", "<SerialNumber>a</SerialNumber><serialnumber>a</serialnumber>", "SerialNumber is given twice"},
		{"two names of one member", "<SoldTo>a</SoldTo><SoldToCustomerID>a</SoldToCustomerID>", "SoldToCustomerID is given twice"},
		{"elements in text", "<SerialNumber>a<b/>c</SerialNumber>", "SerialNumber must hold text"},
		{"too large", strings.Repeat("<x>"+strings.Repeat("A ", 1000)+"</x>", 100), "larger than 64 KiB"},
	} {
		rows, _, err := readOA3(t, "<Keys>\n<Key><SerialNumber>first</SerialNumber></Key>\n<Key>"+c.key+"</Key><Key><SerialNumber>last</SerialNumber></Key></Keys>", "")
		if err != nil || len(rows) != 3 || rows[0].Unreadable+rows[2].Unreadable != "" || rows[2].SerialNumber != "last" {
			t.Fatalf("%s: rows %+v, error %v", c.name, rows, err)
		}
		if got := rows[1].Unreadable; !strings.Contains(got, c.word) || !strings.HasPrefix(got, "Line 3: ") {
			t.Errorf("%s: sentence %q", c.name, got)
		}
	}
	rows, _, err := readOA3(t, "\xff\xfe"+"<\x00K\x00e\x00y\x00>\x00<\x00S\x00o\x00l\x00d\x00T\x00o\x00>\x00\x00\xd8<\x00/\x00S\x00o\x00l\x00d\x00T\x00o\x00>\x00<\x00/\x00K\x00e\x00y\x00>\x00", "")
	if err != nil || len(rows) != 1 || !strings.Contains(rows[0].Unreadable, "no text in the file's encoding") {
		t.Errorf("half a surrogate pair: rows %+v, error %v", rows, err)
	}
}

// The tool's input file, and whatever else holds a product key, is refused as a whole
// and leaves nothing.
func TestOA3_productKeys(t *testing.T) {
	t.Parallel()
	bare := strings.ReplaceAll(secretKey, "-", "")
	for name, body := range map[string]string{
		"input file":             "<Key>\n<ProductKey>" + secretKey + "</ProductKey><ProductKeyID>3258505007954</ProductKeyID><ProductKeyState>2</ProductKeyState></Key>",
		"without dashes":         "<Key>\n<ProductKey>" + bare + "</ProductKey></Key>",
		"split by CDATA":         "<Key>\n<ProductKey>N7YYX-<![CDATA[3VTRD-9K2QW]]>-HB4CF-6JMPG</ProductKey></Key>",
		"split by elements":      "<Key>\n<ProductKey><a>N7YYX</a><b>3VTRD</b></ProductKey></Key>",
		"anything in the member": "<Key>\n<productkey>x</productkey></Key>",
		"escaped":                "<Key>\n<SerialNumber>N7YYX&#45;3VTRD&#x2d;9K2QW-HB4CF-6JMPG</SerialNumber></Key>",
		"as the id":              "<Key>\n<ProductKeyID>" + bare + "</ProductKeyID></Key>",
		"split in another":       "<Key>\n<SerialNumber>N7YYX-3VTRD<!-- x -->-9K2QW-HB4CF-6JMPG</SerialNumber></Key>",
		"in an unknown element":  "<Key>\n<Note>key: " + secretKey + "!</Note></Key>",
		"beside elements":        "<Key>\n" + secretKey + "<SerialNumber/></Key>",
		"after elements":         "<Key><SerialNumber/>\n" + secretKey + "</Key>",
		"in an attribute":        "<Keys>\n<Key value='" + secretKey + "'/></Keys>",
		"ProductKey attribute":   "<Keys>\n<Key ProductKey='x'/></Keys>",
		"as an element":          "<Keys>\n<" + secretKey + "/></Keys>",
		"as a prefix":            "<Keys>\n<" + secretKey + ":Key/></Keys>",
		"as an attribute":        "<Keys>\n<Key " + secretKey + "='1'/></Keys>",
		"in a comment":           "<Keys>\n<!-- " + secretKey + " --></Keys>",
		"in an instruction":      "<Keys>\n<?x " + secretKey + "?></Keys>",
		"outside a key":          "<Keys>\n<ProductKey>" + secretKey + "</ProductKey></Keys>",
		"as the report's id":     "<Keys>\n<CustomerReportUniqueID>" + secretKey + "</CustomerReportUniqueID></Keys>",
		"as text":                "\n" + secretKey,
	} {
		rows, id, err := readOA3(t, body, "")
		refused(t, err, "product_key_secret", "Line 2", "secret", "nothing of the body was kept", "ReportedXMLFile")
		silent(t, rows, err)
		if len(rows) != 0 || id != "" {
			t.Errorf("%s: rows %+v, id %q", name, rows, id)
		}
	}
	for _, body := range []string{"<Keys></" + secretKey + ">", "<Keys>&" + secretKey + ";</Keys>", `<?xml version="` + secretKey + `"?>`, "<Keys><a" + secretKey + ">"} {
		rows, _, err := readOA3(t, body, "")
		if err == nil {
			t.Errorf("%s was read", body)
		}
		silent(t, rows, err)
	}
	rows, _, err := readOA3(t, "<Keys><Key><SerialNumber>a</SerialNumber></Key><Key><ProductKey>"+secretKey+"</ProductKey></Key></Keys>", "")
	refused(t, err, "product_key_secret")
	silent(t, rows, err)
}

func TestOA3_inventedDevicesAreNoSecrets(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	body.WriteString("<Keys>")
	devices := invented(200)
	for _, d := range devices {
		fmt.Fprintf(&body, "<Key><ProductKeyID>%s</ProductKeyID><HardwareHash>%s</HardwareHash></Key>\n", d.Report.Identity().ProductKeyID, d.Hash())
	}
	body.WriteString("</Keys>")
	rows, _, err := readOA3(t, body.String(), "")
	if err != nil || len(rows) != len(devices) || rows[199].HardwareHash != devices[199].Hash() {
		t.Errorf("%d rows, error %v", len(rows), err)
	}
}

func TestOA3_endlessTokensNeedNoMemory(t *testing.T) {
	const size = 64 << 20
	for name, begin := range map[string]string{
		"text": "<Key><HardwareHash>", "cdata": "<Key><![CDATA[", "tag": "<", "attribute": `<Key a="`, "comment": "<!--",
		"instruction": "<?x ", "directive": "<!x", "blank": "", "entity": "<a>&#", "after": "<a/>",
	} {
		body := io.MultiReader(strings.NewReader(begin), many(size))
		if bytes := allocated(func() { _, _ = read(format.NewOA3(body, "", 0)) }); bytes > 4<<20 {
			t.Errorf("%s of %d MiB took %d bytes of memory", name, size>>20, bytes)
		}
	}
	manyTags := func(s string) io.Reader {
		return io.MultiReader(strings.NewReader("<Keys>"), strings.NewReader(strings.Repeat(s, 1<<16)))
	}
	for name, tag := range map[string]string{"children": "<x/>", "open": "<x>", "comments": "<!---->"} {
		src := format.NewOA3(manyTags(tag), "", 0)
		if _, err := read(src); err == nil {
			t.Errorf("%s: a body that never ends was read", name)
		}
	}
}

func TestOA3_bodyFaults(t *testing.T) {
	t.Parallel()
	for code, body := range map[string]io.Reader{
		"body_too_large":  io.MultiReader(strings.NewReader("<Keys>"), strings.NewReader(strings.Repeat("<Key/>", 100_000))),
		"body_incomplete": io.MultiReader(strings.NewReader("<Keys><Key>"), iotest.ErrReader(io.ErrUnexpectedEOF)),
	} {
		src := format.NewOA3(body, "", 100_000)
		_, err := read(src)
		refused(t, err, code)
		if src.Digest() != nil || src.Failure() == nil {
			t.Errorf("%s: a body that was not read to its end has a digest", code)
		}
	}
}
