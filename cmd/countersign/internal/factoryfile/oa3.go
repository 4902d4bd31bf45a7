package factoryfile

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"countersign/gateway/wire"
)

// What OA3Tool and its kin write besides reports, by the first element.
var otherFiles = map[string]string{
	"OA3":                      "This is a configuration of OA3Tool (OA3.cfg), not a report.",
	"HardwareReport":           "This is a decoded hardware hash (OA3Tool /DecodeHwHash), not a report: send the OA3 file with the HardwareHash itself.",
	"HardwareVerificationData": "This is a log of OA3Tool (/LogTrace), not a report: send the OA3 file with the HardwareHash itself.",
}

// longestValue is far above any hash, in bytes.
const longestValue = 64 << 10

// oa3 reads OA3Tool's XML: one Key, or many below another element.
type oa3 struct {
	dec    *xml.Decoder
	give   func(Key) error
	inKey  bool
	key    wire.BuildReportKey
	name   string // of the member being read
	value  strings.Builder
	keys   int
	opened bool
}

func readOA3(text io.Reader, give func(Key) error) error {
	x := &oa3{dec: xml.NewDecoder(text), give: give}
	x.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	for {
		token, err := x.dec.Token()
		if errors.Is(err, io.EOF) && x.opened {
			return nil
		}
		if err != nil {
			line, _ := x.dec.InputPos()
			return refuse(Broken, "The XML is broken near line %d.", line) // the parser's words may quote the file
		}
		if err := x.take(token); err != nil {
			return err
		}
	}
}

func (x *oa3) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return x.start(t.Name.Local)
	case xml.EndElement:
		return x.end(t.Name.Local)
	case xml.CharData:
		return x.text(t)
	case xml.Directive:
		return refuse(Broken, "The XML declares a document type, which OA3Tool never does.")
	}
	return nil
}

func (x *oa3) start(name string) error {
	if !x.opened {
		x.opened = true
		if sentence, known := otherFiles[name]; known {
			return refuse(NotReport, "%s", sentence)
		}
	}
	switch {
	case name == "Key":
		x.inKey, x.key = true, wire.BuildReportKey{}
	case x.inKey:
		x.name = name
		x.value.Reset()
	}
	return nil
}

func (x *oa3) text(t xml.CharData) error {
	if !x.inKey || x.name == "" {
		return nil
	}
	if x.value.Len()+len(t) > longestValue {
		return refuse(Broken, "A value in the XML is longer than anything OA3Tool writes.")
	}
	x.value.Write(t)
	return nil
}

func (x *oa3) end(name string) error {
	switch {
	case name == "Key" && x.inKey:
		x.inKey = false
		return x.finish()
	case x.inKey && name == x.name:
		return x.member(name, strings.TrimSpace(x.value.String()))
	}
	return nil
}

func (x *oa3) member(name, value string) error {
	x.name = ""
	switch name {
	case "ProductKey":
		if value != "" {
			return errInputKey
		}
	case "ProductKeyID":
		x.key.ProductKey = value
	case "HardwareHash":
		x.key.HardwareHash = value
	case "SerialNumber":
		x.key.SerialNumber = value
	case "ProductKeyState":
		if value == "" {
			return nil
		}
		state, err := strconv.Atoi(value)
		if err != nil {
			return refuse(Broken, "The ProductKeyState of key %d is not a number.", x.keys+1)
		}
		x.key.ProductKeyState = state
	}
	return nil
}

func (x *oa3) finish() error {
	x.keys++
	if x.key.HardwareHash == "" && x.key.ProductKey == "" {
		return refuse(Broken, "Key %d has neither a HardwareHash nor a ProductKeyID; run OA3Tool /Report on the machine.", x.keys)
	}
	line, err := json.Marshal(x.key)
	if err != nil {
		return err
	}
	return x.give(Key{line})
}
