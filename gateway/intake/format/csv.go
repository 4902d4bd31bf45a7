package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"countersign/gateway/intake"
	"countersign/internal/errs"
	"countersign/internal/resultfile"
)

// CSV reads the partner CSV and the customers' form of it. Columns are found by the
// names in the header line, in any order and case; others are ignored. Separators are
// comma, semicolon or tab. Blank rows are skipped and told in a warning of the row after
// them. In a result file of the command line the apostrophes that guard formulas are
// taken off.
type CSV struct {
	in      *input
	charset string
	recoded bool // the text was not UTF-8
	records *records
	columns []string // per column, the folded member it fills; empty for others
	titles  []string // as the header writes them
	layout  Layout
	result  bool // cells carry the apostrophes of a result file
	lends   bool
	blanks  int   // blank rows since the last row
	err     error // sticky
}

// NewCSV reads a partner CSV. charset is the one the sender declared, empty for none;
// a byte order mark is stronger. maxBody is in bytes; 0 means DefaultMaxBody.
func NewCSV(body io.Reader, charset string, maxBody int64) *CSV {
	return &CSV{in: newInput(body, maxBody), charset: charset}
}

// BatchName implements intake.Source: a CSV never names its batch.
func (c *CSV) BatchName() string { return "" }

// Layout tells the customers' form from a partner's by the header line; empty before
// the first row was asked for.
func (c *CSV) Layout() Layout { return c.layout }

// Digest implements intake.Source. It is nil when the body could not be read to its
// end; Failure then says why.
func (c *CSV) Digest() []byte { return c.in.digest() }

// Failure returns why the body could not be read to its end, if so.
func (c *CSV) Failure() error { return c.in.failure() }

// Lend implements intake.Lender.
func (c *CSV) Lend() { c.lends = true }

// Next implements intake.Source.
func (c *CSV) Next() (intake.Row, error) {
	if c.err == nil && c.records == nil {
		c.err = c.open()
	}
	for c.err == nil {
		rec, err := c.records.read(len(c.columns))
		if err != nil {
			c.err = err
			break
		}
		if rec.blank() {
			c.blanks++
			continue
		}
		return c.row(rec), nil
	}
	var known *errs.Error
	if errors.As(c.err, &known) {
		return intake.Row{}, known
	}
	return intake.Row{}, c.err
}

// row takes the cells of a record to the members they belong to.
func (c *CSV) row(rec *record) intake.Row {
	var row intake.Row
	fault := rec.fault
	for i, name := range c.columns {
		if name == "" || i >= len(rec.cells) {
			continue
		}
		if c.lends && name == "hardwarehash" && !c.result && !rec.cells[i].long && rec.plain(i) {
			row.HashText = rec.bytes(i)
			continue
		}
		fault = c.fill(&row, rec, i, fault)
	}
	if rec.extra {
		fault = first(fault, "the row has more values than the header has columns; put values that hold the separator into quotation marks")
	}
	if fault != "" {
		row.Unreadable = fmt.Sprintf("Line %d: %s.", rec.line, fault)
	}
	if c.blanks > 0 {
		row.Warnings = append(row.Warnings, fmt.Sprintf("Blank rows skipped before this one: %d.", c.blanks))
		c.blanks = 0
	}
	return row
}

// fill takes one cell to its member, and returns the row's first fault.
func (c *CSV) fill(row *intake.Row, rec *record, i int, fault string) string {
	text := rec.text(i)
	if c.result {
		text = resultfile.Unguard(text)
	}
	switch {
	case c.columns[i] == assignedUser:
		if strings.TrimSpace(text) != "" || rec.cells[i].long {
			row.Warnings = append(row.Warnings, "Assigned user is the customer's to set and was ignored.")
		}
	case rec.cells[i].long:
		return first(fault, "column %s is longer than %d KiB", c.titles[i], MaxCell>>10)
	case strings.ContainsAny(text, "\r\n"):
		return first(fault, "column %s runs over several lines; check the quotation marks", c.titles[i])
	case c.recoded && strings.ContainsRune(text, utf8.RuneError):
		return first(fault, "column %s holds bytes that are no text in the file's encoding", c.titles[i])
	default:
		*member(row, c.columns[i]) = text
	}
	return fault
}

// first keeps the first fault of a row.
func first(fault, format string, args ...any) string {
	if fault != "" {
		return fault
	}
	return fmt.Sprintf(format, args...)
}

// open reads the header line. Nothing is read from the body before the first call of
// Next, so that a refused call never asks its sender for the body.
func (c *CSV) open() error {
	text, recoded, err := decodeText(c.in, c.charset)
	if err != nil {
		return err
	}
	c.recoded = recoded
	r := bufio.NewReaderSize(text, 64<<10)
	header, lines, err := headerLine(r)
	if err != nil {
		return err
	}
	h, err := readHeader(header)
	if err != nil {
		return err
	}
	c.columns, c.titles, c.layout, c.result = h.columns, h.titles, h.layout, h.result
	c.records = &records{in: r, sep: h.sep, line: lines}
	return nil
}
