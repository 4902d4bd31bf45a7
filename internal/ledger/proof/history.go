package proof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Open returns what a compact JWS signed, or why it is not to be believed.
type Open func(raw string) ([]byte, error)

// Entry is one line of a history.
type Entry struct {
	Checkpoint string         `json:"checkpoint,omitzero"`
	Entry      jsontext.Value `json:"entry"`
	Hash       string         `json:"hash"`
}

// header is the first line of a history.
type header struct {
	Chain  string `json:"chain"`
	Format string `json:"format"`
	V      int    `json:"v"`
}

const historyFormat = "countersign-history"

// maxLine bounds a line of a history in bytes.
const maxLine = 1 << 20

// Fault says what is wrong with a history or receipt, and where.
type Fault struct {
	Line  int   // of the file, from 1; 0 in a receipt
	Seq   int64 // number of the entry; 0 when it is about none
	Cause string
}

// Error names the place and the cause.
func (f *Fault) Error() string {
	switch {
	case f.Seq > 0 && f.Line > 0:
		return fmt.Sprintf("line %d, entry %d: %s", f.Line, f.Seq, f.Cause)
	case f.Line > 0:
		return fmt.Sprintf("line %d: %s", f.Line, f.Cause)
	case f.Seq > 0:
		return fmt.Sprintf("entry %d: %s", f.Seq, f.Cause)
	}
	return f.Cause
}

// Writer writes a history, entry by entry, checking each before it is kept: what is
// exported is what can be verified.
type Writer struct {
	w     io.Writer
	check checker
}

// NewWriter begins the history of a chain. opens verifies checkpoints.
func NewWriter(w io.Writer, chain string, opens Open) (*Writer, error) {
	out := &Writer{w: w, check: checker{chain: chain, opens: opens}}
	return out, out.line(header{Chain: chain, Format: historyFormat, V: 1})
}

// Add writes the next entry.
func (w *Writer) Add(e Entry) error {
	entry := bytes.Clone(e.Entry)
	e.Entry = jsontext.Value(entry)
	if err := e.Entry.Canonicalize(); err != nil {
		return fmt.Errorf("entry %d: %w", w.check.seq+1, err)
	}
	if err := w.check.next(e); err != nil {
		return err
	}
	return w.line(e)
}

// Close reports whether the last entry was signed; a history that ends in an unsigned
// one proves nothing about it.
func (w *Writer) Close() error { return w.check.end() }

func (w *Writer) line(v any) error {
	text, err := render(v)
	if err != nil {
		return err
	}
	_, err = w.w.Write(append(text, '\n'))
	return err
}

// render writes a value in the one form that is read again.
func render(v any) ([]byte, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(out)
	err = value.Canonicalize()
	return value, err
}

// History is a history that was checked.
type History struct {
	Chain   string
	Entries []Entry // entry n is at n-1
	Lines   []Line
}

// ReadHistory reads and checks a history. The error is a *Fault that names the first
// line at which it can be seen that something was changed.
func ReadHistory(r io.Reader, opens Open) (*History, error) {
	lines := lineReader{r: bufio.NewReaderSize(r, 64<<10)}
	var head header
	if err := lines.next(&head); err != nil {
		return nil, lines.fault(0, err)
	}
	if head.Format != historyFormat || head.V != 1 || head.Chain == "" {
		return nil, lines.fault(0, errors.New("this is not a history, or one of a newer kind"))
	}
	h := &History{Chain: head.Chain}
	check := checker{chain: head.Chain, opens: opens}
	for {
		var e Entry
		err := lines.next(&e)
		if errors.Is(err, io.EOF) {
			if err := check.end(); err != nil {
				return nil, lines.fault(check.seq, err)
			}
			return h, nil
		}
		if err == nil {
			err = check.next(e)
		}
		if err != nil {
			return nil, lines.fault(check.seq+1, err)
		}
		h.Entries, h.Lines = append(h.Entries, e), append(h.Lines, check.line)
	}
}

// lineReader reads lines of which every byte counts.
type lineReader struct {
	r *bufio.Reader
	n int
}

// next reads one line into v; io.EOF after the last.
func (l *lineReader) next(v any) error {
	text, err := l.r.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(text) == 0 {
		return io.EOF
	}
	l.n++
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the line has no end: the file was cut off")
	case err != nil:
		return err
	case len(text) > maxLine:
		return errors.New("the line is longer than any that was exported")
	}
	text = text[:len(text)-1]
	if err := json.Unmarshal(text, v, json.RejectUnknownMembers(true)); err != nil {
		return errors.New("the line cannot be read")
	}
	if again, err := render(v); err != nil || !bytes.Equal(again, text) {
		return errors.New("the line is not in the form it was exported in")
	}
	return nil
}

func (l *lineReader) fault(seq int64, err error) error {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	return &Fault{Line: max(1, l.n), Seq: seq, Cause: err.Error()}
}
