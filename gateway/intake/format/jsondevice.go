package format

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
)

// device reads one element of the list. Whatever is wrong inside a sound element is
// told in the row; an error means that the body is broken.
func (j *JSON) device() (intake.Row, error) {
	j.rows++
	if kind := j.dec.PeekKind(); kind != '{' {
		err := j.skip()
		return intake.Row{Unreadable: fmt.Sprintf("Device %d must be an object, but it is %s.", j.rows, kindName(kind))}, err
	}
	if _, err := j.dec.ReadToken(); err != nil {
		return intake.Row{}, err
	}
	d := deviceReader{JSON: j, begin: j.dec.InputOffset() - 1, depth: j.dec.StackDepth()}
	if err := d.members(); err != nil {
		return intake.Row{}, err
	}
	return d.row, nil
}

// deviceReader reads the members of one device.
type deviceReader struct {
	*JSON
	row   intake.Row
	begin int64 // position of the device
	depth int   // of nesting inside it
	other map[string]bool
}

func (d *deviceReader) members() error {
	for {
		token, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		if token.Kind() == '}' {
			d.checkSize()
			return nil
		}
		name := token.String()
		if err := d.value(name, fold(name)); err != nil {
			return err
		}
		if d.checkSize() {
			return d.skipRest()
		}
	}
}

// value reads the value of one member.
func (d *deviceReader) value(name, folded string) error {
	if d.twice(folded) {
		d.fault("%s is given twice; names compare without case", shown(name))
		return d.skip()
	}
	if folded == "policies" {
		return d.policies(name)
	}
	into := member(&d.row, folded)
	kind := d.dec.PeekKind()
	if into == nil || kind == 'n' || kind == 0 {
		return d.skip()
	}
	if kind != '"' {
		d.fault("%s must be text in quotation marks, but it is %s", shown(name), kindName(kind))
		return d.skip()
	}
	token, err := d.dec.ReadToken()
	if err == nil {
		*into = token.String()
	}
	return err
}

// policies notes whether any policy is named: null and an empty list are the same.
func (d *deviceReader) policies(name string) error {
	switch kind := d.dec.PeekKind(); kind {
	case '[':
		if _, err := d.dec.ReadToken(); err != nil {
			return err
		}
		for d.dec.PeekKind() != ']' {
			d.row.HasPolicies = true
			if err := d.skip(); err != nil {
				return err
			}
		}
		_, err := d.dec.ReadToken()
		return err
	case 'n', 0:
	default:
		d.fault("%s must be a list, but it is %s", shown(name), kindName(kind))
	}
	return d.skip()
}

// twice remembers a name and reports whether it came before.
func (d *deviceReader) twice(folded string) bool {
	if d.other[folded] {
		return true
	}
	if d.other == nil {
		d.other = make(map[string]bool, 8)
	}
	d.other[folded] = true
	return false
}

// checkSize reports a device past its limit and forgets what was read of it.
func (d *deviceReader) checkSize() bool {
	if d.dec.InputOffset()-d.begin <= MaxDevice {
		return false
	}
	d.row = intake.Row{Unreadable: fmt.Sprintf("Device %d is larger than %d KiB.", d.rows, MaxDevice>>10)}
	return true
}

// skipRest reads past what is left of the device, token by token.
func (d *deviceReader) skipRest() error {
	for d.dec.StackDepth() >= d.depth {
		if _, err := d.dec.ReadToken(); err != nil {
			return err
		}
		if err := d.checkDepth(); err != nil {
			return err
		}
	}
	return nil
}

// fault notes the first thing that makes the row unreadable.
func (d *deviceReader) fault(format string, args ...any) {
	if d.row.Unreadable == "" {
		d.row.Unreadable = fmt.Sprintf("Device %d: %s.", d.rows, fmt.Sprintf(format, args...))
	}
}

// wrong is a fault of the container at the present position.
func (j *JSON) wrong(name, format string, args ...any) error {
	at := string(j.dec.StackPointer())
	if name != "" && !strings.HasSuffix(at, "/"+name) {
		at += "/" + name
	}
	return j.broken(j.dec.InputOffset(), at, fmt.Sprintf(format, args...))
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	case '"':
		return "text"
	case '0':
		return "a number"
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	return "not JSON"
}
