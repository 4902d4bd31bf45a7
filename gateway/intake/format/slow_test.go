package format

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/intake"
	"countersign/internal/resultfile"
)

// The readers against others that are slow and plain: the whole body in memory, the
// standard library's decoders, a tree, and the rules in the order in which one would
// tell them. Both must take the same bodies and find the same rows in them.

// slowLimit keeps bodies below the limits of size, which the references do not know.
const slowLimit = 16 << 10

func FuzzJSON_asAReferenceHasIt(f *testing.F) {
	for _, seed := range []string{
		`{"BatchId":"a","Devices":[{"SerialNumber":"x","Policies":[{"Key":"none","Value":null}]},null,{"a":{"b":[1e9]}}]}`,
		`[{"SerialNumber":"\ud83d\ude00"},{"serialnumber":1,"SerialNumber":"x"}]`, `{"Devices":{}}`, "[{\"a\":\"\xff\"}]", `{"a":1,"A":2}`,
		`{"batchid":null,"devices":null,"x":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}`, `["\ud800",{"hardwareHash":"T0E\u0041","policies":{}}] `,
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, body string, bare bool) {
		if len(body) > slowLimit {
			return
		}
		src := NewJSON(strings.NewReader(body), bare, 0)
		rows, err := readAll(src)
		want, batch, ok := slowJSON(body, bare)
		compare(t, rows, want, err, ok)
		compare(t, lentRows(NewJSON(strings.NewReader(body), bare, 0)), want, err, ok)
		if ok && err == nil && src.BatchName() != batch {
			t.Errorf("batch %q, want %q", src.BatchName(), batch)
		}
	})
}

func FuzzNDJSON_asAReferenceHasIt(f *testing.F) {
	for _, seed := range []string{
		"{\"SerialNumber\":\"x\",\"Policies\":[{\"Key\":\"none\"}]}\r\n\n{}\nnull\n[", "\ufeff{}\n{\"a\":{\"b\":[1e9]}}{}", "\xff\xfe{\x00", "{\"serialNumber\":\"\\ud83d\"}\n\n \n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if len(body) > slowLimit {
			return
		}
		rows, err := readAll(NewNDJSON(strings.NewReader(body), 0))
		want, ok := slowNDJSON(body)
		compare(t, rows, want, err, ok)
		compare(t, lentRows(NewNDJSON(strings.NewReader(body), 0)), want, err, ok)
	})
}

func FuzzCSV_asAReferenceHasIt(f *testing.F) {
	for _, seed := range []string{
		"Device Serial Number,Windows Product ID,Hardware Hash,Manufacturer name,Device model\nNB-1,,,Fjordtek AS,Skerry 14\r\n\r\n\"a\"\"b\" ,,,,\r", "sep=;\nserialNumber;x\n\"a\nb\";1;2\n",
		"\xff\xfes\x00", "serialNumber\n\"", "\ufeffserialNumber\tproductKey\na\tb\tc", "serialNumber,model,assigned user\n\"a\"x,b\"c\"\r\n,,me\n",
	} {
		f.Add(seed, "")
		f.Add(seed, "utf-16be")
		f.Add(seed, "windows-1252")
	}
	f.Fuzz(func(t *testing.T, body, charset string) {
		if len(body) > slowLimit {
			return
		}
		rows, err := readAll(NewCSV(strings.NewReader(body), charset, 0))
		want, ok := slowCSV(body, charset)
		compare(t, rows, want, err, ok)
		compare(t, lentRows(NewCSV(strings.NewReader(body), charset, 0)), want, err, ok)
	})
}

func FuzzOA3_asAReferenceHasIt(f *testing.F) {
	for _, seed := range []string{
		`<?xml version="1.0" encoding="utf-8"?><Key><ProductKeyID>3258505007954</ProductKeyID><ProductKeyState>3</ProductKeyState><HardwareHash>T0E<![CDATA[AA]]></HardwareHash></Key>`,
		`<d:R xmlns:d="u"><d:CustomerReportUniqueID>line-7.0001</d:CustomerReportUniqueID><SoldTo>p</SoldTo><Key a="b"><SerialNumber>x&#45;y</SerialNumber></Key><!-- c --><Binding/></d:R>`,
		"<Keys><Key><ProductKey/><SerialNumber>a<b/>c</SerialNumber><Key><SerialNumber>n</SerialNumber></Key></Key></Keys>", "<a><Key/><SoldTo>x</SoldTo></a>", "<!DOCTYPE a><a/>", "<OA3/>", "<a></a>x",
	} {
		f.Add(seed, "")
		f.Add(seed, "utf-16be")
		f.Add(seed, "windows-1252")
	}
	f.Fuzz(func(t *testing.T, body, charset string) {
		if len(body) > slowLimit {
			return
		}
		src := NewOA3(strings.NewReader(body), charset, 0)
		rows, err := readAll(src)
		if errors.Is(err, ErrProductKey) {
			return // what may be a secret is searched for everywhere; its own tests say where
		}
		want, id, ok := slowOA3(body, charset)
		compare(t, rows, want, err, ok)
		if ok && err == nil && src.ReportID() != id {
			t.Errorf("report id %q, want %q", src.ReportID(), id)
		}
	})
}

func readAll(src intake.Source) (rows []intake.Row, err error) {
	for {
		row, err := src.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
}

// lentRows reads a source that lends its hashes, and takes them before it goes on.
func lentRows(src interface {
	intake.Source
	intake.Lender
},
) (rows []intake.Row) {
	src.Lend()
	for {
		row, err := src.Next()
		if err != nil {
			return rows
		}
		if len(row.HashText) > 0 {
			row.HardwareHash = string(row.HashText)
		}
		row.HashText = nil
		rows = append(rows, row)
	}
}

// compare holds what was read against the reference. Of an unreadable row only that it is
// one is compared.
func compare(t *testing.T, got, want []intake.Row, err error, ok bool) {
	t.Helper()
	if (err == nil) != ok {
		t.Fatalf("the reader says %v, the reference takes it: %v", err, ok)
	}
	if !ok {
		return
	}
	plain := func(rows []intake.Row) []intake.Row {
		out := []intake.Row{}
		for _, row := range rows {
			if row.Unreadable != "" {
				row = intake.Row{Unreadable: "x", Warnings: row.Warnings}
			}
			if len(row.Warnings) == 0 {
				row.Warnings = nil
			}
			out = append(out, row)
		}
		return out
	}
	if diff := cmp.Diff(plain(want), plain(got)); diff != "" {
		t.Error(diff)
	}
}

// ---- JSON

// tree is a JSON value in the order in which it is written.
type tree struct {
	kind  byte // { [ " 0 t n
	text  string
	names []string // of an object
	parts []tree   // its values, or those of a list
}

// slowTree reads a whole text, or says that it is none that we take.
func slowTree(text string) (tree, bool) {
	if !json.Valid([]byte(text)) || !utf8.ValidString(text) || loneSurrogate(text) {
		return tree{}, false
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	v := slowValue(dec)
	return v, v.depth() <= MaxDepth
}

func slowValue(dec *json.Decoder) tree {
	token, err := dec.Token()
	if err != nil {
		panic(err) // it is valid
	}
	switch v := token.(type) {
	case json.Delim:
		out := tree{kind: byte(v)}
		for dec.More() {
			if out.kind == '{' {
				name, _ := dec.Token()
				out.names = append(out.names, name.(string))
			}
			out.parts = append(out.parts, slowValue(dec))
		}
		_, _ = dec.Token()
		return out
	case string:
		return tree{kind: '"', text: v}
	case json.Number:
		return tree{kind: '0', text: v.String()}
	case nil:
		return tree{kind: 'n'}
	}
	return tree{kind: 't'}
}

func (v tree) depth() int {
	deepest := 0
	for _, part := range v.parts {
		deepest = max(deepest, part.depth())
	}
	if v.kind == '{' || v.kind == '[' {
		deepest++
	}
	return deepest
}

// loneSurrogate finds an escape that is half a character.
func loneSurrogate(text string) bool {
	unit := func(i int) int {
		if i+6 > len(text) || text[i] != '\\' || text[i+1] != 'u' {
			return 0
		}
		var n int
		if _, err := fmt.Sscanf(text[i+2:i+6], "%04x", &n); err != nil {
			return 0
		}
		return n
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		n := unit(i)
		switch {
		case n >= 0xD800 && n < 0xDC00:
			if next := unit(i + 6); next < 0xDC00 || next > 0xDFFF {
				return true
			}
			i += 11
		case n >= 0xDC00 && n <= 0xDFFF:
			return true
		case n != 0:
			i += 5
		default:
			i++ // the escaped character
		}
	}
	return false
}

func slowJSON(body string, bare bool) (rows []intake.Row, batch string, ok bool) {
	v, ok := slowTree(body)
	switch {
	case !ok:
		return nil, "", false
	case bare:
		return slowDevices(v), "", v.kind == '['
	case v.kind != '{':
		return nil, "", false
	}
	seen := map[string]bool{}
	for i, name := range v.names {
		folded, part := strings.ToLower(ascii(name)), v.parts[i]
		if seen[folded] {
			return nil, "", false
		}
		seen[folded] = true
		switch {
		case part.kind == 'n':
		case folded == "batchid" && part.kind != '"', folded == "devices" && part.kind != '[':
			return nil, "", false
		case folded == "batchid":
			batch = part.text
		case folded == "devices":
			rows = slowDevices(part)
		}
	}
	return rows, batch, true
}

// ascii hides letters that lower to ASCII ones without being any, such as the Kelvin sign.
func ascii(name string) string {
	return strings.Map(func(r rune) rune {
		if r > 127 && strings.ToLower(string(r))[0] < 128 {
			return utf8.RuneError
		}
		return r
	}, name)
}

func slowDevices(list tree) (rows []intake.Row) {
	for _, part := range list.parts {
		rows = append(rows, slowDevice(part))
	}
	return rows
}

func slowDevice(v tree) intake.Row {
	row, seen := intake.Row{}, map[string]bool{}
	if v.kind != '{' {
		return intake.Row{Unreadable: "x"}
	}
	into := map[string]*string{
		"serialnumber": &row.SerialNumber, "productkey": &row.ProductKey, "hardwarehash": &row.HardwareHash,
		"oemmanufacturername": &row.Manufacturer, "modelname": &row.Model, "purchaseorder": &row.Order.PurchaseOrder,
		"ordernumber": &row.Order.OrderNumber, "orderline": &row.Order.OrderLine, "deliverynote": &row.Order.DeliveryNote,
		"shipdate": &row.Order.ShipDate, "grouptag": &row.Order.GroupTag, "customerreference": &row.Order.CustomerReference,
	}
	for i, name := range v.names {
		folded, part := strings.ToLower(ascii(name)), v.parts[i]
		switch {
		case seen[folded]:
			row.Unreadable = "x"
		case folded == "policies" && part.kind == '[':
			row.HasPolicies = len(part.parts) > 0
		case folded == "policies" && part.kind != 'n', into[folded] != nil && part.kind != '"' && part.kind != 'n':
			row.Unreadable = "x"
		case into[folded] != nil:
			*into[folded] = part.text
		}
		seen[folded] = true
	}
	return row
}

func slowNDJSON(body string) (rows []intake.Row, ok bool) {
	if strings.HasPrefix(body, "\xff\xfe") || strings.HasPrefix(body, "\xfe\xff") {
		return nil, false
	}
	body = strings.TrimPrefix(body, "\ufeff")
	blanks := 0
	for _, line := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		if strings.TrimSpace(line) == "" {
			blanks++
			continue
		}
		row := intake.Row{Unreadable: "x"}
		if v, ok := slowTree(line); ok {
			row = slowDevice(v)
		}
		if blanks > 0 {
			row.Warnings = append(row.Warnings, fmt.Sprintf("Blank lines skipped before this one: %d.", blanks))
		}
		blanks, rows = 0, append(rows, row)
	}
	return rows, true
}

// ---- CSV

// slowRecord is a row as cells; fault says that it cannot be cut into them.
type slowRecord struct {
	cells []string
	fault bool
}

func slowCSV(body, charset string) (rows []intake.Row, ok bool) {
	text, recoded, err := decodeText(strings.NewReader(body), charset)
	if err != nil {
		return nil, false
	}
	whole, err := io.ReadAll(text)
	if err != nil {
		return nil, false
	}
	r := bufio.NewReader(bytes.NewReader(whole))
	line, _, err := headerLine(r)
	if err != nil {
		return nil, false
	}
	head, err := readHeader(line)
	if err != nil {
		return nil, false
	}
	rest, _ := io.ReadAll(r)
	records, ok := slowRecords(string(rest), string(head.sep))
	blanks := 0
	for _, rec := range records {
		row, blank := slowRow(rec, head, recoded)
		if blank {
			blanks++
			continue
		}
		if blanks > 0 {
			row.Warnings = append(row.Warnings, fmt.Sprintf("Blank rows skipped before this one: %d.", blanks))
		}
		blanks, rows = 0, append(rows, row)
	}
	return rows, ok
}

// slowRecords cuts a text by looking for the next mark that matters.
func slowRecords(text, sep string) (all []slowRecord, ok bool) {
	for text != "" {
		var rec slowRecord
		for {
			var cell string
			if strings.HasPrefix(text, `"`) {
				var closed bool
				if cell, text, closed = slowQuoted(text); !closed {
					return all, false
				}
				// What follows up to the separator should be blanks; a mark there opens the value
				// again.
				for text != "" && !strings.HasPrefix(text, sep) && text[0] != '\r' && text[0] != '\n' {
					if text[0] != '"' {
						rec.fault = rec.fault || text[0] != ' '
						text = text[1:]
						continue
					}
					more, rest, closed := slowQuoted(text)
					if !closed {
						return all, false
					}
					cell, text = cell+`"`+more, rest
				}
			} else {
				end := strings.IndexAny(text, sep+"\r\n")
				if end < 0 {
					end = len(text)
				}
				cell, text = text[:end], text[end:]
			}
			rec.cells = append(rec.cells, cell)
			if !strings.HasPrefix(text, sep) {
				break
			}
			text = text[len(sep):]
		}
		all = append(all, rec)
		if strings.HasPrefix(text, "\r\n") {
			text = text[2:]
		} else if text != "" {
			text = text[1:]
		}
	}
	return all, true
}

// slowQuoted takes text in quotation marks off the front.
func slowQuoted(text string) (value, rest string, closed bool) {
	end := 1
	for {
		i := strings.Index(text[end:], `"`)
		if i < 0 {
			return "", "", false
		}
		if end += i + 1; !strings.HasPrefix(text[end:], `"`) {
			break
		}
		end++
	}
	value = strings.ReplaceAll(text[1:end-1], `""`, `"`)
	value = strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\r", "\n")
	return value, text[end:], true
}

func slowRow(rec slowRecord, head header, recoded bool) (row intake.Row, blank bool) {
	fault, blank := rec.fault, !rec.fault
	for i, cell := range rec.cells {
		if i >= len(head.columns) {
			fault = fault || cell != ""
			blank = blank && cell == ""
			continue
		}
		blank = blank && strings.TrimSpace(cell) == ""
		if head.result {
			cell = resultfile.Unguard(cell)
		}
		switch name := head.columns[i]; {
		case name == "":
		case name == assignedUser:
			if strings.TrimSpace(cell) != "" {
				row.Warnings = append(row.Warnings, "Assigned user is the customer's to set and was ignored.")
			}
		case strings.ContainsAny(cell, "\r\n"), recoded && strings.ContainsRune(cell, utf8.RuneError):
			fault = true
		default:
			*member(&row, name) = cell
		}
	}
	if fault {
		row.Unreadable = "x"
	}
	return row, blank
}

// ---- OA3

// node is an element.
type node struct {
	name  string // folded
	attrs []xml.Attr
	text  string // of the element itself, since the last element inside it
	all   string // of the element and everything inside it
	nodes []*node
}

// slowXML reads a document into a tree; ok is false for what is none that we take.
func slowXML(text []byte) (root *node, ok bool) {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var open []*node
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return root, root != nil
		}
		if err != nil {
			return nil, false
		}
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{name: strings.ToLower(ascii(t.Name.Local)), attrs: t.Copy().Attr}
			switch {
			case len(open) == 0 && root != nil, len(open) == MaxDepth:
				return nil, false
			case len(open) == 0:
				root = n
			default:
				parent := open[len(open)-1]
				parent.nodes, parent.text = append(parent.nodes, n), ""
			}
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 && strings.TrimSpace(string(t)) != "" {
				return nil, false
			}
			for i, n := range open {
				if n.all += string(t); i == len(open)-1 {
					n.text += string(t)
				}
			}
		case xml.Directive:
			return nil, false
		}
	}
}

func slowOA3(body, charset string) (rows []intake.Row, id string, ok bool) {
	text, recoded, err := decodeXML(strings.NewReader(body), charset)
	if err != nil {
		return nil, "", false
	}
	whole, err := io.ReadAll(text)
	if err != nil {
		return nil, "", false
	}
	root, ok := slowXML(whole)
	if !ok || otherFiles[root.name] != "" {
		return nil, "", false
	}
	head := &reportHead{}
	if rows, ok = slowKeys(root, head, recoded); !ok || root.name == "oa3" && len(rows) == 0 {
		return nil, "", false
	}
	return rows, head.id, true
}

// slowKeys finds the keys under an element, and what stands beside them, in order.
func slowKeys(n *node, head *reportHead, recoded bool) (rows []intake.Row, ok bool) {
	if n.name == "key" || n.name == "binding" {
		head.keys = true
		return []intake.Row{head.complete(slowKey(n, recoded))}, true
	}
	for _, child := range n.nodes {
		more, ok := slowKeys(child, head, recoded)
		if !ok {
			return nil, false
		}
		rows = append(rows, more...)
	}
	if len(n.nodes) > 0 {
		return rows, true
	}
	var err error
	switch n.name {
	case "customerreportuniqueid":
		err = head.setID(n.text)
	case "soldto", "soldtocustomerid":
		err = head.setSoldTo(n.text)
	}
	return rows, err == nil
}

func slowKey(n *node, recoded bool) intake.Row {
	row, seen := intake.Row{}, map[string]bool{}
	into := map[string]*string{
		"productkeyid": &row.ProductKey, "productkeystate": &row.KeyState, "hardwarehash": &row.HardwareHash, "serialnumber": &row.SerialNumber,
		"soldto": &row.SoldTo, "soldtocustomerid": &row.SoldTo,
	}
	for _, child := range n.nodes {
		at := into[child.name]
		if at == nil {
			continue
		}
		name := strings.TrimSuffix(child.name, "customerid")
		text := child.text
		if name == "hardwarehash" {
			text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n", r) }), "")
		}
		switch {
		case seen[name], len(child.nodes) > 0, recoded && strings.ContainsRune(text, utf8.RuneError):
			row.Unreadable = "x"
		default:
			*at = text
		}
		seen[name] = true
	}
	return row
}
