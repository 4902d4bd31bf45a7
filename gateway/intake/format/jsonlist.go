package format

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
	"countersign/internal/errs"
)

// jsonList reads the devices of a JSON body: an object with a list among its members,
// or the list alone.
type jsonList struct {
	shape
	in    *input
	short *shortener
	dec   *jsontext.Decoder
	rows  int
	seen  map[string]bool // members of the body
	place place
	lent  *[]byte // see readRow
	err   error   // sticky
}

// shape says what surrounds the devices of a body.
type shape struct {
	noun         string // of one device, to begin a sentence
	list         string // folded name of the member that holds the devices
	object, bare bool   // the forms that are taken
	want         string // what the body must be
	words        *vocabulary
	// member returns what takes the text of another member; nil for one that is ignored.
	member func(folded string) func(text string) error
	// opened is called before the first device; nil for nothing.
	opened func()
}

type place uint8

const (
	atStart place = iota
	inMembers
	inDevices
	atEnd
)

func newJSONList(body io.Reader, s shape, maxBody int64) *jsonList {
	in := newInput(body, maxBody)
	short := newShortener(in)
	// Duplicates are found here, because names compare without case.
	dec := jsontext.NewDecoder(short, jsontext.AllowDuplicateNames(true))
	return &jsonList{shape: s, in: in, short: short, dec: dec, seen: map[string]bool{}}
}

// next returns the next device, or io.EOF.
func (j *jsonList) next() (intake.Row, error) {
	if j.err != nil {
		return intake.Row{}, j.err
	}
	row, err := j.step()
	if err != nil {
		j.err = j.explain(err)
		return intake.Row{}, j.err
	}
	return row, nil
}

func (j *jsonList) step() (intake.Row, error) {
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
func (j *jsonList) open() error {
	kind := j.dec.PeekKind()
	if kind == '[' && j.bare {
		j.object = false
		return j.openList()
	}
	if _, err := j.dec.ReadToken(); err != nil {
		return err
	}
	if kind != '{' || !j.object {
		return j.wrong("", "the body must be %s, but it is %s", j.want, kindName(kind))
	}
	j.place = inMembers
	return nil
}

func (j *jsonList) openList() error {
	_, err := j.dec.ReadToken()
	j.place = inDevices
	if j.opened != nil {
		j.opened()
	}
	return err
}

// bodyMember reads one member of the batch creation object, or its end.
func (j *jsonList) bodyMember() error {
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
	if folded == j.list {
		return j.listMember(name)
	}
	if take := j.member(folded); take != nil {
		return j.textMember(name, j.words.numbers[j.words.canonical(folded)], take)
	}
	return skip(j.dec)
}

// textMember reads a member of the body that is text, or a number where one is as good.
func (j *jsonList) textMember(name string, number bool, take func(string) error) error {
	kind := j.dec.PeekKind()
	switch {
	case kind == 'n', kind == 0:
		return skip(j.dec) // which reports broken syntax
	case kind != '"' && (kind != '0' || !number):
		return j.wrong(name, "the member must be text, but it is %s", kindName(kind))
	}
	token, err := j.dec.ReadToken()
	if err != nil {
		return err
	}
	err = take(token.String())
	var known *errs.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return j.wrong(name, "%v", err)
}

func (j *jsonList) listMember(name string) error {
	kind := j.dec.PeekKind()
	if kind == '[' {
		return j.openList()
	}
	if kind != 'n' && kind != 0 {
		return j.wrong(name, "the member must be a list of %ss, but it is %s", fold(j.noun), kindName(kind))
	}
	return skip(j.dec)
}

func (j *jsonList) closeDevices() error {
	_, err := j.dec.ReadToken()
	j.place = inMembers
	if !j.object {
		j.place = atEnd
	}
	return err
}

// end makes sure that nothing follows the body.
func (j *jsonList) end() error {
	if _, err := j.dec.ReadToken(); err != nil {
		return err
	}
	return j.wrong("", "something follows the end of the body")
}

// explain turns a decoder's error into one that names position, member and cause.
func (j *jsonList) explain(err error) error {
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, errTooDeep) {
		return j.wrong("", "the body is %v", errTooDeep)
	}
	if errors.Is(err, io.EOF) && j.place == atEnd {
		return io.EOF
	}
	if at, pointer, cause, ok := syntaxFault(j.dec, err); ok {
		return j.broken(at, pointer, cause)
	}
	return err
}

// wrong is a fault of the container at the present position.
func (j *jsonList) wrong(name, format string, args ...any) error {
	at := string(j.dec.StackPointer())
	if name != "" && !strings.HasSuffix(at, "/"+name) {
		at += "/" + name
	}
	return j.broken(j.dec.InputOffset(), at, fmt.Sprintf(format, args...))
}
