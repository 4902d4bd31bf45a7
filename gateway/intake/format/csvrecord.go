package format

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// records cuts a CSV text into records (RFC 4180), with the liberties spreadsheets
// take: any line ending, quotation marks inside unquoted values, blanks after a closing
// quotation mark. Whatever the text, a record takes little memory.
type records struct {
	in   *bufio.Reader
	sep  byte
	line int // lines read so far
	rec  record
	// The record that is being read.
	state cellState
	keep  int // cells to keep
	cell  int
	begin int // of the cell in rec.buf
	size  int // bytes of the cell, kept or not
	multi bool
}

type cellState uint8

const (
	cellStart cellState = iota
	inPlain
	inQuotes
	afterQuote // a quotation mark that closes the value, or the first of two
)

// record is one row; it is valid until the next one is read.
type record struct {
	line  int // where it begins, 1-based
	buf   []byte
	cells []cell
	extra bool   // there is a value past the last column
	fault string // what makes it unreadable as a whole
}

type cell struct {
	from, to int
	long     bool
}

func (r *record) text(i int) string { return string(r.bytes(i)) }

func (r *record) bytes(i int) []byte { return r.buf[r.cells[i].from:r.cells[i].to] }

// plain reports whether a cell is one line of ASCII.
func (r *record) plain(i int) bool {
	for _, b := range r.bytes(i) {
		if b == '\r' || b == '\n' || b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (r *record) blank() bool {
	if r.extra || r.fault != "" {
		return false
	}
	for i := range r.cells {
		if r.cells[i].long || len(bytes.TrimSpace(r.bytes(i))) > 0 {
			return false
		}
	}
	return true
}

// read returns the next record with its first keep cells, or io.EOF.
func (r *records) read(keep int) (*record, error) {
	r.rec = record{line: r.line + 1, buf: r.rec.buf[:0], cells: r.rec.cells[:0]}
	r.keep, r.cell, r.begin, r.size, r.multi, r.state = keep, 0, 0, 0, false, cellStart
	for some := false; ; some = true {
		b, err := r.in.ReadByte()
		if err != nil {
			return r.ended(some, err)
		}
		done, err := r.step(b)
		if done || err != nil {
			return &r.rec, err
		}
		if r.state == inPlain {
			r.plain()
		}
	}
}

func (r *records) ended(some bool, err error) (*record, error) {
	if !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !some {
		return nil, io.EOF
	}
	if r.state == inQuotes {
		return nil, ErrMalformed.WithDetail("The quotation mark opened in or after line %d is never closed. Nothing was stored.", r.rec.line)
	}
	r.endCell()
	return &r.rec, nil
}

// step takes one byte and reports whether the record is complete.
func (r *records) step(b byte) (done bool, err error) {
	switch {
	case r.state == inQuotes:
		return false, r.quoted(b)
	case b == r.sep:
		r.endCell()
	case b == '\r' || b == '\n':
		r.newline(b)
		r.endCell()
		return true, nil
	case r.state == cellStart && b == '"':
		r.state = inQuotes
	case r.state == afterQuote && b == '"': // two of them stand for one
		r.state = inQuotes
		r.add(b)
	case r.state == afterQuote:
		if b != ' ' {
			r.rec.fault = first(r.rec.fault, "text follows a closing quotation mark in value %d", r.cell+1)
		}
	default:
		r.state = inPlain
		r.add(b)
	}
	return false, nil
}

// quoted takes a byte inside quotation marks. A value that is too long and runs over
// lines is a quotation mark somebody forgot: the rows it swallowed must not vanish.
func (r *records) quoted(b byte) error {
	switch b {
	case '"':
		r.state = afterQuote
		return nil
	case '\n', '\r':
		r.newline(b)
		r.multi = true
		b = '\n'
	}
	r.add(b)
	if r.multi && r.size > MaxCell {
		return ErrMalformed.WithDetail("The quotation mark opened in or after line %d is not closed within %d KiB. Nothing was stored.", r.rec.line, MaxCell>>10)
	}
	return nil
}

// plain takes the rest of an unquoted value as far as it is buffered.
func (r *records) plain() {
	window, _ := r.in.Peek(r.in.Buffered()) // is in the buffer
	n := 0
	for n < len(window) && window[n] != r.sep && window[n] != '\n' && window[n] != '\r' {
		n++
	}
	r.add(window[:n]...)
	_, _ = r.in.Discard(n)
}

// newline counts a line; a carriage return takes the line feed after it along.
func (r *records) newline(b byte) {
	r.line++
	if b != '\r' {
		return
	}
	if next, err := r.in.Peek(1); err == nil && next[0] == '\n' {
		_, _ = r.in.Discard(1)
	}
}

// add keeps bytes of a cell that is wanted and not too long.
func (r *records) add(b ...byte) {
	r.size += len(b)
	if r.cell < r.keep && r.size <= MaxCell && len(r.rec.buf)+len(b) <= MaxDevice {
		r.rec.buf = append(r.rec.buf, b...)
	}
}

func (r *records) endCell() {
	kept := len(r.rec.buf) - r.begin
	switch {
	case r.cell < r.keep && len(r.rec.cells) < MaxDevice:
		r.rec.cells = append(r.rec.cells, cell{from: r.begin, to: len(r.rec.buf), long: kept < r.size})
	case r.size > 0:
		r.rec.extra = true
	}
	r.cell++
	r.begin, r.size, r.multi, r.state = len(r.rec.buf), 0, false, cellStart
}
