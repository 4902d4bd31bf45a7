package factoryfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"countersign/cmd/countersign/internal/factoryfile"
	"countersign/registration/hardwarehash"
)

const secret = "ABCDE-12345-FGHIJ-67890-KLMNO"

// read inspects a file and gives its lines.
func read(t *testing.T, text string) (factoryfile.File, []string, error) {
	t.Helper()
	r := bytes.NewReader([]byte(text))
	f, err := factoryfile.Inspect(r, r.Size())
	if err != nil {
		return f, nil, err
	}
	var lines []string
	if err := f.Each(r, r.Size(), func(k factoryfile.Key) error { lines = append(lines, string(k.Line)); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(lines) != f.Keys {
		t.Errorf("%d keys were counted, %d given", f.Keys, len(lines))
	}
	return f, lines, nil
}

func utf16Of(text string) string {
	out := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

func TestInspect_reports(t *testing.T) {
	t.Parallel()
	const one = `<?xml version="1.0" encoding="utf-8"?><Key><ProductKeyID>3258505007954</ProductKeyID><ProductKeyState>3</ProductKeyState><HardwareHash>T0EA</HardwareHash></Key>`
	const oneLine = `{"productKey":"3258505007954","productKeyState":3,"hardwareHash":"T0EA"}`
	for name, c := range map[string]struct {
		in     string
		format factoryfile.Format
		id     string
		want   []string
	}{
		"OA3.xml":                      {one, factoryfile.OA3, "", []string{oneLine}},
		"with a byte order mark":       {"\uFEFF" + one, factoryfile.OA3, "", []string{oneLine}},
		"in UTF-16":                    {utf16Of(strings.Replace(one, "utf-8", "utf-16", 1)), factoryfile.OA3, "", []string{oneLine}},
		"an empty ProductKey":          {strings.Replace(one, "<Key>", "<Key><ProductKey> </ProductKey>", 1), factoryfile.OA3, "", []string{oneLine}},
		"without a key, a serial":      {"<Key><ProductKeyState>6</ProductKeyState><HardwareHash>\nT0EA\n</HardwareHash><SerialNumber>S1</SerialNumber></Key>", factoryfile.OA3, "", []string{`{"productKeyState":6,"hardwareHash":"T0EA","serialNumber":"S1"}`}},
		"optional information":         {`<Key><ProductKeyID>33</ProductKeyID><OEMOptionalInfo><Field><Name>ZPC_MODEL_SKU</Name><Value>x</Value></Field></OEMOptionalInfo></Key>`, factoryfile.OA3, "", []string{`{"productKey":"33"}`}},
		"many keys, a namespace":       {`<k:Keys xmlns:k="urn:x"><k:Key><k:ProductKeyID>33</k:ProductKeyID></k:Key><k:Key><k:ProductKeyID>34</k:ProductKeyID></k:Key></k:Keys>`, factoryfile.OA3, "", []string{`{"productKey":"33"}`, `{"productKey":"34"}`}},
		"a list":                       {"[ {\"productKey\": \"33\"},\n{} ]", factoryfile.JSON, "", []string{`{"productKey":"33"}`, `{}`}},
		"a report":                     {`{"keys":[{"productKey":"33"}],"customerReportUniqueId":"day 7"}`, factoryfile.JSON, "day 7", []string{`{"productKey":"33"}`}},
		"lines":                        {"{\"productKey\":\"33\",\"x\":1}\r\n\n{\"hardwareHash\":\"T0EA\"}", factoryfile.NDJSON, "", []string{`{"productKey":"33","x":1}`, `{"hardwareHash":"T0EA"}`}},
		"a serial number like a UUID":  {`[{"serialNumber":"3762-6031-9351-8758-8222-9601-28"}]`, factoryfile.JSON, "", []string{`{"serialNumber":"3762-6031-9351-8758-8222-9601-28"}`}},
		"a long first line of lines":   {fmt.Sprintf("{\"hardwareHash\":%q}\n{}", strings.Repeat("A", 9000)), factoryfile.NDJSON, "", []string{fmt.Sprintf("{\"hardwareHash\":%q}", strings.Repeat("A", 9000)), "{}"}},
		"five groups of four are fine": {`[{"serialNumber":"ABCD-1234-FGHI-6789-KLMN"}]`, factoryfile.JSON, "", []string{`{"serialNumber":"ABCD-1234-FGHI-6789-KLMN"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, lines, err := read(t, c.in)
			if err != nil || f.Format != c.format || f.ReportID != c.id || strings.Join(lines, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("%+v, %v, %v", f, lines, err)
			}
		})
	}
}

func TestInspect_refuses(t *testing.T) {
	t.Parallel()
	far := strings.Repeat(" ", 4090)
	for name, c := range map[string]struct {
		in    string
		cause factoryfile.Cause
		want  string
	}{
		"an input file":               {"<Key><ProductKey>" + secret + "</ProductKey><ProductKeyID>33</ProductKeyID><ProductKeyState>2</ProductKeyState></Key>", factoryfile.InputKey, "input file of OA3Tool"},
		"an input file in UTF-16":     {utf16Of("<Key><ProductKey>" + secret + "</ProductKey></Key>"), factoryfile.InputKey, "input file"},
		"a key without hyphens":       {"<Key><ProductKey>ABCDE12345FGHIJ67890KLMNO</ProductKey></Key>", factoryfile.InputKey, "input file"},
		"the same in JSON":            {`[{"productKey":"ABCDE12345FGHIJ67890KLMNO"}]`, factoryfile.InputKey, "input file"},
		"a key in a comment":          {"<Key><!-- " + secret + " --><ProductKeyID>33</ProductKeyID></Key>", factoryfile.InputKey, "input file"},
		"a key in a broken file":      {"<Key><ProductKey>" + secret + "</Key>", factoryfile.InputKey, "input file"},
		"a key after the end":         {"<Key><ProductKeyID>33</ProductKeyID></Key>" + far + secret, factoryfile.InputKey, "input file"},
		"a key across a buffer":       {"[{}," + far + "{\"x\":\"" + secret + "\"}]", factoryfile.InputKey, "input file"},
		"a key in the wrong file":     {"<OA3><Parameter>" + secret + "</Parameter></OA3>", factoryfile.InputKey, "input file"},
		"a key in JSON":               {`[{"productKey":"` + secret + `"}]`, factoryfile.InputKey, "input file"},
		"nothing":                     {" \n", factoryfile.Broken, "empty"},
		"OA3.cfg":                     {"<OA3><FileBased/></OA3>", factoryfile.NotReport, "OA3.cfg"},
		"a decoded hash":              {"<HardwareReport><HardwareInventory/></HardwareReport>", factoryfile.NotReport, "decoded"},
		"a log":                       {"<HardwareVerificationData/>", factoryfile.NotReport, "LogTrace"},
		"other XML":                   {"<html/>", factoryfile.NotReport, "no key of a machine"},
		"a CSV":                       {"Device Serial Number\n", factoryfile.NotReport, "neither XML nor JSON"},
		"cut XML":                     {"<Key><ProductKeyID>33", factoryfile.Broken, "near line 1"},
		"cut after a key":             {"<Keys><Key><ProductKeyID>33</ProductKeyID></Key>", factoryfile.Broken, "near line 1"},
		"a document type":             {"<!DOCTYPE x [<!ENTITY a 'b'>]><Key><ProductKeyID>&a;</ProductKeyID></Key>", factoryfile.Broken, "document type"},
		"a state that is none":        {"<Key><ProductKeyState>bound</ProductKeyState></Key>", factoryfile.Broken, "not a number"},
		"a key with nothing in it":    {"<Key><ProductKeyState>3</ProductKeyState></Key>", factoryfile.Broken, "/Report"},
		"cut JSON":                    {`[{"productKey":"33"}`, factoryfile.Broken, "near byte"},
		"cut lines":                   {"{\"productKey\":\"33\"}\n{\"pro", factoryfile.Broken, "near byte"},
		"keys that are no list":       {`{"keys":{}}`, factoryfile.Broken, "near byte"},
		"something behind the report": {`{"keys":[{}]} x`, factoryfile.Broken, "near byte"},
		"a member nobody knows":       {`{"keys":[{}],"soldTo":"x"}`, factoryfile.Broken, "neither"},
		"an empty list":               {`[]`, factoryfile.NotReport, "no key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := read(t, c.in)
			var refused *factoryfile.Refusal
			if !errors.As(err, &refused) || refused.Cause != c.cause || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error = %v, want it to say %q", err, c.want)
			}
			if strings.Contains(fmt.Sprintf("%#v %v", refused, err), "12345") {
				t.Errorf("the error quotes the file: %v", err)
			}
		})
	}
}

func TestEach_noticesAChange(t *testing.T) {
	t.Parallel()
	before, after := bytes.NewReader([]byte(`[{"productKey":"33"}]`)), bytes.NewReader([]byte(`[{"productKey":"34"}]`))
	f, err := factoryfile.Inspect(before, before.Size())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Each(after, after.Size(), func(factoryfile.Key) error { return nil }); !errors.Is(err, factoryfile.ErrChanged) {
		t.Errorf("error = %v", err)
	}
	full := errors.New("the disk is full")
	if err := f.Each(before, before.Size(), func(factoryfile.Key) error { return full }); !errors.Is(err, full) {
		t.Errorf("error = %v", err)
	}
}

// A recapture shares a mark with the first report, another machine none.
func TestMarks(t *testing.T) {
	t.Parallel()
	g := hardwarehash.NewGenerator(3)
	first, other := g.Next(), g.Next()
	report, err := hardwarehash.Recapture(first.Report, 1)
	if err != nil {
		t.Fatal(err)
	}
	again := hardwarehash.Device{Report: report}
	of := func(d hardwarehash.Device) factoryfile.Key {
		return factoryfile.Key{Line: []byte(fmt.Sprintf(`{"hardwareHash":%q}`, d.Hash()))}
	}
	shared := func(a, b factoryfile.Key) (n int) {
		for _, x := range a.Marks() {
			for _, y := range b.Marks() {
				if x == y {
					n++
				}
			}
		}
		return n
	}
	if shared(of(first), of(again)) == 0 || shared(of(first), of(other)) != 0 {
		t.Errorf("%d and %d", shared(of(first), of(again)), shared(of(first), of(other)))
	}
	if n := len(factoryfile.Key{Line: []byte("7")}.Marks()); n != 0 {
		t.Errorf("%d marks of what is no key", n)
	}
}

func TestWithoutKey(t *testing.T) {
	t.Parallel()
	if name := secret + ".xml"; !factoryfile.HoldsKey(name) || factoryfile.WithoutKey(name) != "(product key).xml" {
		t.Error(factoryfile.WithoutKey(name))
	}
	if factoryfile.HoldsKey("J7MC60000001.xml") {
		t.Error("a serial number is no product key")
	}
}
