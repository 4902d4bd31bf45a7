package format

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"countersign/gateway/intake"
	"countersign/internal/errs"
)

// OA3 reads a factory's build report in XML: OA3.xml as OA3Tool /Report writes it, one
// Key or many of them under any root, and the reports of Microsoft's factory software
// (DIS), which calls a key Binding. Elements go by their local names. The tool's input
// file, which holds 5x5 product keys, is refused as a whole, and so is any body with
// something in it that may be one.
type OA3 struct {
	in      *input
	charset string
	recoded bool // the text was not UTF-8
	xml     *tokens
	head    reportHead
	root    string    // folded; empty before it
	open    []element // from the root inwards
	secret  int       // open elements that may not hold anything
	key     *oa3Key   // that is being read
	rows    int
	err     error // sticky
}

// element is one that is open.
type element struct {
	name  string // folded local name
	text  []byte // since the last element inside it
	outer bool   // it holds elements
}

// NewOA3 reads a build report in XML. charset is the one the sender declared outside
// the XML, empty for none. maxBody is in bytes; 0 means DefaultMaxBody.
func NewOA3(body io.Reader, charset string, maxBody int64) *OA3 {
	return &OA3{in: newInput(body, maxBody), charset: charset}
}

// ReportID implements intake.ReportSource.
func (o *OA3) ReportID() string { return o.head.id }

// BatchName implements intake.Source: a build report belongs to no batch.
func (o *OA3) BatchName() string { return "" }

// Digest implements intake.Source. It is nil when the body could not be read to its
// end; Failure then says why.
func (o *OA3) Digest() []byte { return o.in.digest() }

// Failure returns why the body could not be read to its end, if so.
func (o *OA3) Failure() error { return o.in.failure() }

// Next implements intake.Source.
func (o *OA3) Next() (intake.Row, error) {
	if o.err == nil && o.xml == nil {
		o.err = o.begin()
	}
	for o.err == nil {
		row, err := o.step()
		if err != nil {
			o.err = o.explain(err)
			break
		}
		if row != nil {
			return *row, nil
		}
	}
	return intake.Row{}, o.err
}

func (o *OA3) begin() error {
	text, recoded, err := decodeXML(o.in, o.charset)
	if err != nil {
		return err
	}
	o.recoded, o.xml = recoded, newTokens(text)
	return nil
}

// step takes one token and returns the row it completes, if any.
func (o *OA3) step() (*intake.Row, error) {
	token, err := o.xml.next()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case xml.StartElement:
		return nil, o.start(t)
	case xml.EndElement:
		return o.end()
	case xml.CharData:
		return nil, o.text(t)
	case xml.Comment:
		return nil, o.search(string(t))
	case xml.ProcInst:
		return nil, o.search(t.Target + " " + string(t.Inst))
	}
	return nil, o.broken("it has a document type (DOCTYPE), which is not taken; remove that line")
}

func (o *OA3) start(t xml.StartElement) error {
	name := fold(t.Name.Local)
	switch {
	case len(o.open) == 0 && o.root != "":
		return o.broken("something follows the end of the root element")
	case len(o.open) == 0:
		o.root = name
		if sentence := otherFiles[name]; sentence != "" {
			return ErrMalformed.WithDetail("%s %s", sentence, sendReport)
		}
	case len(o.open) == MaxDepth:
		return o.broken(errTooDeep.Error())
	default:
		if err := o.child(); err != nil {
			return err
		}
	}
	for _, text := range []string{t.Name.Space, t.Name.Local} {
		if err := o.search(text); err != nil {
			return err
		}
	}
	if err := o.attributes(t.Attr); err != nil {
		return err
	}
	if name == "productkey" {
		o.secret++
	}
	o.open = append(o.open, element{name: name})
	if o.key == nil && (name == "key" || name == "binding") {
		o.rows++
		o.head.keys = true
		o.key = newOA3Key(len(o.open), o.xml.line(), o.xml.dec.InputOffset())
	}
	return nil
}

// child notes that the innermost element holds another one; what stood before it is
// formatting.
func (o *OA3) child() error {
	parent := &o.open[len(o.open)-1]
	if err := o.search(string(parent.text)); err != nil {
		return err
	}
	parent.text, parent.outer = parent.text[:0], true
	return nil
}

func (o *OA3) attributes(all []xml.Attr) error {
	for _, a := range all {
		if fold(a.Name.Local) == "productkey" && strings.TrimSpace(a.Value) != "" {
			return o.secretFound()
		}
		for _, text := range []string{a.Name.Space, a.Name.Local, a.Value} {
			if err := o.search(text); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *OA3) text(t xml.CharData) error {
	blank := len(strings.TrimSpace(string(t))) == 0
	switch {
	case o.secret > 0 && !blank:
		return o.secretFound()
	case len(o.open) > 0:
		in := &o.open[len(o.open)-1]
		if len(in.text)+len(t) > MaxDevice {
			return errLongToken
		}
		in.text = append(in.text, t...)
	case !blank && o.root == "":
		if err := o.search(string(t)); err != nil {
			return err
		}
		return o.broken("text stands before the root element, so this is no XML")
	case !blank:
		return o.broken("something follows the end of the root element")
	}
	return nil
}

// end closes the innermost element.
func (o *OA3) end() (*intake.Row, error) {
	depth := len(o.open)
	e := o.open[depth-1]
	o.open = o.open[:depth-1]
	if err := o.search(string(e.text)); err != nil {
		return nil, err
	}
	if e.name == "productkey" {
		o.secret--
	}
	switch {
	case o.key == nil:
		return nil, o.report(e)
	case depth == o.key.depth:
		row := o.head.complete(o.key.done(o.xml.dec.InputOffset()))
		o.key = nil
		return &row, nil
	case depth == o.key.depth+1:
		o.key.member(e, o.recoded)
	}
	return nil, nil
}

// report takes an element that is outside all keys.
func (o *OA3) report(e element) error {
	if e.outer {
		return nil
	}
	var err error
	name := ""
	switch e.name {
	case "customerreportuniqueid":
		name, err = "CustomerReportUniqueID", o.head.setID(string(e.text))
	case "soldtocustomerid", "soldto":
		name, err = "SoldToCustomerID", o.head.setSoldTo(string(e.text))
	}
	var known *errs.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return o.broken(fmt.Sprintf("in %s, %v", name, err))
}

// search refuses the body for a product key in a text of it.
func (o *OA3) search(text string) error {
	if intake.HoldsProductKey(text) {
		return o.secretFound()
	}
	return nil
}

func (o *OA3) secretFound() error {
	return ErrProductKey.WithDetail("Line %d holds a 5x5 product key. %s", o.xml.line(), productKeyAdvice)
}

// broken is a fault of the whole body at the present line.
func (o *OA3) broken(cause string) error {
	cause = strings.TrimSuffix(shownUpTo(cause, 160), ".")
	return ErrMalformed.
		WithDetail("The XML is broken at line %d: %s. Nothing was stored.", o.xml.line(), cause).
		WithFields(errs.Field{Row: o.rows, Cause: cause})
}

// explain turns a decoder's error into a sentence.
func (o *OA3) explain(err error) error {
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, errLongToken):
		return o.broken(fmt.Sprintf("a text or tag is longer than %d KiB", MaxDevice>>10))
	case errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		return o.broken("the body ends too early")
	case errors.As(err, &syntax):
		return o.broken(syntax.Msg)
	case !errors.Is(err, io.EOF) && o.in.failure() == nil:
		return o.broken(strings.TrimPrefix(err.Error(), "xml: ")) // such as a version nobody knows
	case !errors.Is(err, io.EOF):
		return err
	case o.root == "":
		return ErrMalformed.WithDetail("The body is empty. %s", sendReport)
	case o.root == "oa3" && o.rows == 0:
		return ErrMalformed.WithDetail("This is the configuration file of OA3Tool. %s", sendReport)
	}
	return io.EOF
}

const sendReport = "Send the file that OA3Tool /Report wrote (ReportedXMLFile, usually OA3.xml), which holds a Key with its HardwareHash. Nothing was stored."

// otherFiles are roots of files that lie beside a report and are taken for it.
var otherFiles = map[string]string{
	"hardwarereport":           "This is a decoded hardware report, made from a hardware hash for people to read.",
	"hardwareinventory":        "This is a decoded hardware report, made from a hardware hash for people to read.",
	"hardwareverificationdata": "This is the log trace of OA3Tool, not its report.",
}
