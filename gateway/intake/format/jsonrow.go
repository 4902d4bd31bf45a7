package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
)

// device reads one element of the list. Whatever is wrong inside a sound element is
// told in the row; an error means that the body is broken.
func (j *jsonList) device() (intake.Row, error) {
	j.rows++
	return readRow(j.dec, j.words, j.noun, j.rows, j.lent)
}

// rowReader reads the members of one device.
type rowReader struct {
	dec   *jsontext.Decoder
	words *vocabulary
	noun  string // with number what its sentences begin with, such as "Device 3"
	n     int
	row   intake.Row
	lent  *[]byte // where the text of a hash goes when it is lent; nil: it is copied
	begin int64   // position of the device
	depth int     // of nesting inside it
	seen  map[string]bool
}

// readRow reads one device. An error means that what follows cannot be read, either.
// The text of a hash goes into lent unless that is nil.
func readRow(dec *jsontext.Decoder, words *vocabulary, noun string, n int, lent *[]byte) (intake.Row, error) {
	if kind := dec.PeekKind(); kind != '{' {
		err := skip(dec)
		return intake.Row{Unreadable: fmt.Sprintf("%s %d must be an object, but it is %s.", noun, n, kindName(kind))}, err
	}
	if _, err := dec.ReadToken(); err != nil {
		return intake.Row{}, err
	}
	d := rowReader{dec: dec, words: words, noun: noun, n: n, lent: lent, begin: dec.InputOffset() - 1, depth: dec.StackDepth()}
	if err := d.members(); err != nil {
		return intake.Row{}, err
	}
	return d.row, nil
}

func (d *rowReader) members() error {
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
		if err := d.value(name, d.words.canonical(fold(name))); err != nil {
			return err
		}
		if d.checkSize() {
			return d.skipRest()
		}
	}
}

// value reads the value of one member.
func (d *rowReader) value(name, folded string) error {
	into := d.words.member(&d.row, folded)
	if d.twice(folded) {
		if d.words.secret(folded) {
			return d.secondKey(name, into)
		}
		d.fault("%s is given twice; names compare without case", shown(name))
		return skip(d.dec)
	}
	if folded == "policies" && d.words.policies {
		return d.policies(name)
	}
	kind := d.dec.PeekKind()
	if into == nil && d.words.factory {
		return d.stranger(name)
	}
	if into == nil || kind == 'n' || kind == 0 {
		return skip(d.dec)
	}
	if kind != '"' && (kind != '0' || !d.words.numbers[folded]) {
		d.fault("%s must be text in quotation marks, but it is %s", shown(name), kindName(kind))
		return skip(d.dec)
	}
	if folded == "hardwarehash" && d.lent != nil {
		return d.lend()
	}
	return d.keep(name, folded, into)
}

// keep copies the value of one member to where it belongs.
func (d *rowReader) keep(name, folded string, into *string) error {
	token, err := d.dec.ReadToken()
	if err != nil {
		return err
	}
	*into = token.String()
	if d.words.guarded[folded] && intake.HoldsProductKey(*into) {
		*into = ""
		d.fault("%s holds a 5x5 product key, which is a secret and was not kept", shown(name))
	}
	return nil
}

// lend reads the text of a hash into memory that the next one takes over.
func (d *rowReader) lend() error {
	quoted, err := d.dec.ReadValue()
	if err != nil {
		return err
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		*d.lent = append((*d.lent)[:0], quoted[1:len(quoted)-1]...) // as nearly all are
	} else {
		*d.lent, err = jsontext.AppendUnquote((*d.lent)[:0], quoted)
	}
	d.row.HashText = *d.lent
	return err
}

// stranger reads past a member of a factory's row that means nothing here. Nothing of it
// is kept, but the sender is told if a product key was in it, as of any other place.
func (d *rowReader) stranger(name string) error {
	secret := intake.HoldsProductKey(name)
	err := walk(d.dec, func(t jsontext.Token) {
		secret = secret || t.Kind() == '"' && intake.HoldsProductKey(t.String())
	})
	if secret {
		d.fault("%s holds a 5x5 product key, which is a secret and was not kept", shown(name))
	}
	return err
}

// secondKey reads a product key id that is given under two names, as an input file of
// the factory tool gives key and id. Whichever holds the secret stays, because intake's
// sentence about it helps more than one about names.
func (d *rowReader) secondKey(name string, into *string) error {
	if d.dec.PeekKind() == '"' {
		token, err := d.dec.ReadToken()
		if err != nil {
			return err
		}
		if text := token.String(); intake.HoldsProductKey(text) {
			*into = text
		}
	} else if err := skip(d.dec); err != nil {
		return err
	}
	if !intake.HoldsProductKey(*into) {
		d.fault("%s is given twice; names compare without case, and productKeyId means productKey", shown(name))
	}
	return nil
}

// policies notes whether any policy is named: null and an empty list are the same.
func (d *rowReader) policies(name string) error {
	switch kind := d.dec.PeekKind(); kind {
	case '[':
		if _, err := d.dec.ReadToken(); err != nil {
			return err
		}
		for d.dec.PeekKind() != ']' {
			d.row.HasPolicies = true
			if err := skip(d.dec); err != nil {
				return err
			}
		}
		_, err := d.dec.ReadToken()
		return err
	case 'n', 0:
	default:
		d.fault("%s must be a list, but it is %s", shown(name), kindName(kind))
	}
	return skip(d.dec)
}

// twice remembers a name and reports whether it came before.
func (d *rowReader) twice(folded string) bool {
	if d.seen[folded] {
		return true
	}
	if d.seen == nil {
		d.seen = make(map[string]bool, 8)
	}
	d.seen[folded] = true
	return false
}

// checkSize reports a device past its limit and forgets what was read of it.
func (d *rowReader) checkSize() bool {
	if d.dec.InputOffset()-d.begin <= MaxDevice {
		return false
	}
	d.row = intake.Row{Unreadable: fmt.Sprintf("%s %d is larger than %d KiB.", d.noun, d.n, MaxDevice>>10)}
	return true
}

// skipRest reads past what is left of the device, token by token.
func (d *rowReader) skipRest() error {
	for d.dec.StackDepth() >= d.depth {
		if _, err := d.dec.ReadToken(); err != nil {
			return err
		}
		if err := checkDepth(d.dec); err != nil {
			return err
		}
	}
	return nil
}

// fault notes the first thing that makes the row unreadable.
func (d *rowReader) fault(format string, args ...any) {
	if d.row.Unreadable == "" {
		d.row.Unreadable = fmt.Sprintf("%s %d: %s.", d.noun, d.n, fmt.Sprintf(format, args...))
	}
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

var errTooDeep = fmt.Errorf("nested deeper than %d levels", MaxDepth)

// skip reads past one value.
func skip(dec *jsontext.Decoder) error { return walk(dec, func(jsontext.Token) {}) }

// walk reads one value token by token.
func walk(dec *jsontext.Decoder, visit func(jsontext.Token)) error {
	base := dec.StackDepth()
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		visit(token)
		if err := checkDepth(dec); err != nil {
			return err
		}
		if dec.StackDepth() <= base {
			return nil
		}
	}
}

func checkDepth(dec *jsontext.Decoder) error {
	if dec.StackDepth() > MaxDepth {
		return errTooDeep
	}
	return nil
}

const endsEarly = "the body ends too early"

// syntaxFault says where and why a text is no JSON; ok is false when err is about
// something else.
func syntaxFault(dec *jsontext.Decoder, err error) (at int64, pointer, cause string, ok bool) {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF):
		return syntax.ByteOffset, string(syntax.JSONPointer), syntax.Err.Error(), true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return dec.InputOffset(), string(dec.StackPointer()), endsEarly, true
	}
	return 0, "", "", false
}
