package format

import (
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
	"countersign/internal/errs"
)

// JSON reads Partner Center's JSON bodies: the batch creation object, or the bare list
// of devices that is added to a batch. Names compare without case, members come in any
// order, unknown and null members are ignored, a member given twice is refused.
type JSON struct {
	in    *input
	short *shortener
	dec   *jsontext.Decoder
	bare  bool
	batch string
	rows  int
	seen  map[string]bool // members of the body
	place place
	err   error // sticky
}

type place uint8

const (
	atStart place = iota
	inMembers
	inDevices
	atEnd
)

// NewJSON reads a batch creation object, or with bare the list of devices alone.
// maxBody is in bytes; 0 means DefaultMaxBody.
func NewJSON(body io.Reader, bare bool, maxBody int64) *JSON {
	in := newInput(body, maxBody)
	short := newShortener(in)
	// Duplicates are found here, because names compare without case.
	dec := jsontext.NewDecoder(short, jsontext.AllowDuplicateNames(true))
	return &JSON{in: in, short: short, dec: dec, bare: bare, seen: map[string]bool{}}
}

// BatchName implements intake.Source.
func (j *JSON) BatchName() string { return j.batch }

// Digest implements intake.Source. It is nil when the body could not be read to its
// end; Failure then says why.
func (j *JSON) Digest() []byte { return j.in.digest() }

// Failure returns why the body could not be read to its end, if so.
func (j *JSON) Failure() error { return j.in.failure() }

// Next implements intake.Source.
func (j *JSON) Next() (intake.Row, error) {
	if j.err != nil {
		return intake.Row{}, j.err
	}
	row, err := j.next()
	if err != nil {
		j.err = j.explain(err)
		return intake.Row{}, j.err
	}
	return row, nil
}

func (j *JSON) next() (intake.Row, error) {
	for {
		var err error
		switch j.place {
		case atStart:
			err = j.open()
		case inMembers:
			err = j.bodyMember()
		case inDevices:
			if j.dec.PeekKind() != ']' {
				return j.device()
			}
			err = j.closeDevices()
		case atEnd:
			err = j.end()
		}
		if err != nil {
			return intake.Row{}, err
		}
	}
}

// open reads the first token of the body.
func (j *JSON) open() error {
	want, place, what := jsontext.Kind('{'), inMembers, "an object with batchId and devices"
	if j.bare {
		want, place, what = '[', inDevices, "the list of devices itself"
	}
	kind := j.dec.PeekKind()
	if _, err := j.dec.ReadToken(); err != nil {
		return err
	}
	if kind != want {
		return j.wrong("", "the body must be %s, but it is %s", what, kindName(kind))
	}
	j.place = place
	return nil
}

// bodyMember reads one member of the batch creation object, or its end.
func (j *JSON) bodyMember() error {
	token, err := j.dec.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() == '}' {
		j.place = atEnd
		return nil
	}
	name := token.String()
	folded := fold(name)
	const manyMembers = 1000
	if j.seen[folded] {
		return j.wrong(name, "the member is given twice; names compare without case")
	}
	if j.seen[folded] = true; len(j.seen) > manyMembers {
		return j.wrong(name, "the body has more than %d members", manyMembers)
	}
	switch folded {
	case "batchid":
		return j.batchID(name)
	case "devices":
		return j.openDevices(name)
	}
	return j.skip()
}

func (j *JSON) batchID(name string) error {
	kind := j.dec.PeekKind()
	switch kind {
	case 'n':
		return j.skip()
	case '"':
		token, err := j.dec.ReadToken()
		if err == nil {
			j.batch = token.String()
		}
		return err
	case 0:
		return j.skip() // which reports the broken syntax
	}
	return j.wrong(name, "the member must be text, but it is %s", kindName(kind))
}

func (j *JSON) openDevices(name string) error {
	kind := j.dec.PeekKind()
	if kind == '[' {
		_, err := j.dec.ReadToken()
		j.place = inDevices
		return err
	}
	if kind != 'n' && kind != 0 {
		return j.wrong(name, "the member must be a list of devices, but it is %s", kindName(kind))
	}
	return j.skip()
}

func (j *JSON) closeDevices() error {
	_, err := j.dec.ReadToken()
	j.place = inMembers
	if j.bare {
		j.place = atEnd
	}
	return err
}

// end makes sure that nothing follows the body.
func (j *JSON) end() error {
	if _, err := j.dec.ReadToken(); err != nil {
		return err
	}
	return j.wrong("", "something follows the end of the body")
}

// skip reads past one value.
func (j *JSON) skip() error {
	base := j.dec.StackDepth()
	for {
		if _, err := j.dec.ReadToken(); err != nil {
			return err
		}
		if err := j.checkDepth(); err != nil {
			return err
		}
		if j.dec.StackDepth() <= base {
			return nil
		}
	}
}

func (j *JSON) checkDepth() error {
	if j.dec.StackDepth() > MaxDepth {
		return j.wrong("", "the body is nested deeper than %d levels", MaxDepth)
	}
	return nil
}

// explain turns a decoder's error into one that names position, member and cause.
func (j *JSON) explain(err error) error {
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, io.EOF) && j.place == atEnd {
		return io.EOF
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF):
		return j.broken(syntax.ByteOffset, string(syntax.JSONPointer), syntax.Err.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return j.broken(j.dec.InputOffset(), string(j.dec.StackPointer()), "the body ends too early")
	}
	return err
}
