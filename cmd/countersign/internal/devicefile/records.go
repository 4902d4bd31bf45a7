package devicefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// table is a CSV being read. It follows the gateway's reader: any line ending,
// quotation marks inside unquoted values, a first line "sep=;", blank rows that
// do not count.
type table struct {
	in      *bufio.Reader
	sep     byte
	newline string // as the file's first line ends
	sepLine string // "sep=;" when the file has such a line
	titles  []string
	serial  int // column of the serial number; -1 without one
	product int // column of the product key id
}

const maxHeader = 64 << 10 // bytes; longer header lines are refused by the gateway

func newTable(text io.Reader) (*table, error) {
	t := &table{in: bufio.NewReaderSize(text, 64<<10), newline: "\n"}
	header, err := t.line()
	if err == nil && len(header) <= 6 && strings.HasPrefix(strings.ToLower(header), "sep=") {
		t.sepLine = header
		header, err = t.line()
	}
	if err != nil {
		return nil, fmt.Errorf("read the header line: %w", err)
	}
	most := 0
	for _, sep := range []byte{',', ';', '\t'} {
		titles := splitLine(header, sep)
		if known := countKnown(titles); known > most {
			t.sep, t.titles, most = sep, titles, known
		}
	}
	if most == 0 {
		return nil, errors.New("the first line names no column that identifies a device")
	}
	t.serial, t.product = columnOf(t.titles, "serialnumber", "deviceserialnumber"), columnOf(t.titles, "productkey", "windowsproductid")
	return t, nil
}

// line reads to the end of a line.
func (t *table) line() (string, error) {
	var line []byte
	for len(line) <= maxHeader {
		b, err := t.in.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(line) > 0:
			return string(line), nil
		case err != nil:
			return "", err
		case b == '\n':
			return string(line), nil
		case b == '\r':
			if t.lineFeed() {
				t.newline = "\r\n"
			}
			return string(line), nil
		}
		line = append(line, b)
	}
	return "", errors.New("it is too long")
}

// lineFeed takes the line feed after a carriage return along.
func (t *table) lineFeed() bool {
	next, err := t.in.Peek(1)
	if err != nil || next[0] != '\n' {
		return false
	}
	_, _ = t.in.Discard(1)
	return true
}

// splitLine cuts a header line into its titles.
func splitLine(line string, sep byte) []string {
	t := &table{in: bufio.NewReader(strings.NewReader(line)), sep: sep}
	titles, err := t.record()
	if err != nil {
		return nil
	}
	return titles
}

// row returns the cells of the next row that is not blank, or io.EOF.
func (t *table) row() ([]string, error) {
	for {
		cells, err := t.record()
		if err != nil || !t.isBlank(cells) {
			return cells, err
		}
	}
}

// isBlank: past the header's columns even a space counts as a value.
func (t *table) isBlank(cells []string) bool {
	for i, cell := range cells {
		if strings.TrimSpace(cell) != "" || i >= len(t.titles) && cell != "" {
			return false
		}
	}
	return true
}

// record cuts the next record into cells.
func (t *table) record() ([]string, error) {
	c := cutter{table: t}
	for some := false; ; some = true {
		b, err := t.in.ReadByte()
		if errors.Is(err, io.EOF) && some {
			c.end()
			return c.cells, nil
		}
		if err != nil {
			return nil, err
		}
		if c.step(b) {
			return c.cells, nil
		}
	}
}

type cellState uint8

const (
	atCellStart cellState = iota
	inPlain
	inQuotes
	afterQuote // a quotation mark that closes the value, or the first of two
)

// cutter cuts one record.
type cutter struct {
	*table
	cells []string
	cell  strings.Builder
	state cellState
}

func (c *cutter) end() {
	c.cells, c.state = append(c.cells, c.cell.String()), atCellStart
	c.cell.Reset()
}

// step takes one byte and reports whether the record is complete.
func (c *cutter) step(b byte) bool {
	switch {
	case c.state == inQuotes:
		c.quoted(b)
	case b == c.sep:
		c.end()
	case b == '\r' || b == '\n':
		if b == '\r' {
			c.lineFeed()
		}
		c.end()
		return true
	case c.state == atCellStart && b == '"':
		c.state = inQuotes
	case c.state == afterQuote && b == '"':
		c.state = inQuotes
		c.cell.WriteByte(b)
	case c.state == afterQuote: // the gateway calls such a row unreadable; nothing of it is lost here
		c.cell.WriteByte(b)
	default:
		c.state = inPlain
		c.cell.WriteByte(b)
	}
	return false
}

func (c *cutter) quoted(b byte) {
	if b == '"' {
		c.state = afterQuote
		return
	}
	if b == '\r' && c.lineFeed() {
		b = '\n'
	}
	c.cell.WriteByte(b)
}

// identifying are the folded titles by which the gateway recognises a device list.
var identifying = map[string]bool{
	"serialnumber": true, "productkey": true, "hardwarehash": true, "oemmanufacturername": true, "modelname": true,
	"deviceserialnumber": true, "windowsproductid": true, "manufacturername": true, "manufacturer": true, "devicemodel": true,
}

func countKnown(titles []string) int {
	known := 0
	for _, title := range titles {
		if identifying[foldTitle(title)] {
			known++
		}
	}
	return known
}

func columnOf(titles []string, names ...string) int {
	for i, title := range titles {
		for _, name := range names {
			if foldTitle(title) == name {
				return i
			}
		}
	}
	return -1
}

func foldTitle(title string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '-' || r == '.' || r == '\ufeff' {
			return -1
		}
		return r
	}, title))
}
