package format

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
)

// NDJSON reads one device object a line (application/x-ndjson, application/jsonl), with
// the members that JSON has. A line that is no JSON is that row's fault. Blank lines
// are skipped and told in a warning of the row after them.
type NDJSON struct{ lines *jsonLines }

// NewNDJSON reads devices line by line. maxBody is in bytes; 0 means DefaultMaxBody.
func NewNDJSON(body io.Reader, maxBody int64) *NDJSON {
	return &NDJSON{lines: newJSONLines(body, &deviceWords, maxBody)}
}

// BatchName implements intake.Source: lines never name their batch.
func (n *NDJSON) BatchName() string { return "" }

// Digest implements intake.Source. It is nil when the body could not be read to its
// end; Failure then says why.
func (n *NDJSON) Digest() []byte { return n.lines.in.digest() }

// Failure returns why the body could not be read to its end, if so.
func (n *NDJSON) Failure() error { return n.lines.in.failure() }

// Lend implements intake.Lender.
func (n *NDJSON) Lend() { n.lines.lent = new([]byte) }

// Next implements intake.Source.
func (n *NDJSON) Next() (intake.Row, error) { return n.lines.next() }

// ReportNDJSON reads a factory's build report with one key object a line. Such a report
// has no id of its own; the call's request id makes it repeatable.
type ReportNDJSON struct{ lines *jsonLines }

// NewReportNDJSON reads keys line by line. maxBody is in bytes; 0 means DefaultMaxBody.
func NewReportNDJSON(body io.Reader, maxBody int64) *ReportNDJSON {
	return &ReportNDJSON{lines: newJSONLines(body, &keyWords, maxBody)}
}

// ReportID implements intake.ReportSource: lines never name their report.
func (r *ReportNDJSON) ReportID() string { return "" }

// BatchName implements intake.Source: a build report belongs to no batch.
func (r *ReportNDJSON) BatchName() string { return "" }

// Digest implements intake.Source. It is nil when the body could not be read to its
// end; Failure then says why.
func (r *ReportNDJSON) Digest() []byte { return r.lines.in.digest() }

// Failure returns why the body could not be read to its end, if so.
func (r *ReportNDJSON) Failure() error { return r.lines.in.failure() }

// Next implements intake.Source.
func (r *ReportNDJSON) Next() (intake.Row, error) {
	row, err := r.lines.next()
	return (&reportHead{}).complete(row), err
}

// jsonLines reads one object a line. It never holds more than MaxDevice of a line.
type jsonLines struct {
	in     *input
	words  *vocabulary
	r      *bufio.Reader // nil before the first line
	dec    *jsontext.Decoder
	line   []byte  // what is kept of the present one
	long   bool    // it was longer
	number int     // of the present line, 1-based
	blanks int     // blank lines since the last row
	lent   *[]byte // see readRow
	err    error   // sticky
}

func newJSONLines(body io.Reader, words *vocabulary, maxBody int64) *jsonLines {
	return &jsonLines{in: newInput(body, maxBody), words: words, dec: jsontext.NewDecoder(strings.NewReader(""))}
}

func (l *jsonLines) next() (intake.Row, error) {
	if l.err == nil && l.r == nil {
		l.err = l.open()
	}
	for l.err == nil {
		if l.err = l.read(); l.err != nil {
			break
		}
		if !l.long && len(bytes.TrimSpace(l.line)) == 0 {
			l.blanks++
			continue
		}
		return l.row(), nil
	}
	return intake.Row{}, l.err
}

// open takes a byte order mark away.
func (l *jsonLines) open() error {
	l.r = buffered(l.in, l.in.body)
	begin, err := l.r.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(begin, []byte("\xEF\xBB\xBF")):
		_, _ = l.r.Discard(3)
	case bytes.HasPrefix(begin, []byte("\xFF\xFE")), bytes.HasPrefix(begin, []byte("\xFE\xFF")):
		return ErrMalformed.WithDetail("The body is UTF-16; JSON lines must be UTF-8. Nothing was stored.")
	}
	return nil
}

// read takes the next line, or returns io.EOF.
func (l *jsonLines) read() error {
	l.line, l.long = l.line[:0], false
	for some := false; ; some = true {
		part, err := l.r.ReadSlice('\n')
		l.keep(part)
		switch {
		case err == nil, errors.Is(err, io.EOF) && (some || len(part) > 0):
			l.number++
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

func (l *jsonLines) keep(part []byte) {
	part = bytes.TrimSuffix(part, []byte("\n"))
	if room := MaxDevice - len(l.line); len(part) > room {
		part, l.long = part[:room], true
	}
	l.line = append(l.line, part...)
}

// row reads the present line.
func (l *jsonLines) row() intake.Row {
	row, fault := l.object()
	if fault != "" {
		row = intake.Row{Unreadable: fault}
	}
	if l.blanks > 0 {
		row.Warnings = append(row.Warnings, fmt.Sprintf("Blank lines skipped before this one: %d.", l.blanks))
		l.blanks = 0
	}
	return row
}

// object returns the device of the line, or why there is none.
func (l *jsonLines) object() (row intake.Row, fault string) {
	if l.long {
		return row, fmt.Sprintf("Line %d is larger than %d KiB.", l.number, MaxDevice>>10)
	}
	l.dec.Reset(bytes.NewReader(l.line), jsontext.AllowDuplicateNames(true))
	row, err := readRow(l.dec, l.words, "Line", l.number, l.lent)
	if err == nil {
		_, err = l.dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return row, ""
		}
		if err == nil {
			return row, fmt.Sprintf("Line %d: something follows the object; a line holds one.", l.number)
		}
	}
	if errors.Is(err, errTooDeep) {
		return row, fmt.Sprintf("Line %d is %v.", l.number, errTooDeep)
	}
	at, _, cause, _ := syntaxFault(l.dec, err)
	if cause == endsEarly {
		cause = "the line ends too early"
	}
	return row, fmt.Sprintf("Line %d is no JSON, at byte %d: %s.", l.number, at+1, strings.TrimSuffix(shownUpTo(cause, 160), "."))
}
