package format

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"

	"countersign/internal/errs"
	"countersign/internal/resultfile"
)

// header is what the first line of a CSV says about the others.
type header struct {
	sep     byte
	columns []string // folded member names; empty for columns that mean nothing to us
	titles  []string // fit to be shown
	layout  Layout
	result  bool // the file is a result of the command line
}

// Layout is whose form a CSV has.
type Layout string

// The layouts. The customers' form is Intune's: Device Serial Number, Windows Product
// ID, Hardware Hash, and then perhaps Group Tag and Assigned User.
const (
	LayoutPartner  Layout = "partner"
	LayoutCustomer Layout = "customer"
)

// headerLine reads the first line, and the one after it when the first only names the
// separator, as spreadsheets write it ("sep=;"). lines counts what was read.
func headerLine(r *bufio.Reader) (line []byte, lines int, err error) {
	for {
		line, err = readLine(r)
		if err != nil {
			return nil, 0, err
		}
		lines++
		if lines > 1 || len(line) > 6 || !strings.HasPrefix(fold(string(line)), "sep=") {
			return line, lines, nil
		}
	}
}

// readLine reads to the end of a line. A line break inside quotation marks is none the
// header of a device list needs.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		b, err := r.ReadByte()
		switch {
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil && b == '\n':
			return line, nil
		case errors.Is(err, io.EOF):
			return nil, ErrHeader.WithDetail("The file is empty. Its first line must name the columns, for example %s.", sampleHeader)
		case err != nil:
			return nil, err
		case b == '\r':
			if next, err := r.Peek(1); err == nil && next[0] == '\n' {
				_, _ = r.Discard(1)
			}
			return line, nil
		}
		if line = append(line, b); len(line) > MaxDevice {
			return nil, ErrHeader.WithDetail("The header line is longer than %d KiB.", MaxDevice>>10)
		}
	}
}

const sampleHeader = `"Device Serial Number,Windows Product ID,Hardware Hash,Manufacturer name,Device model"`

// readHeader finds the separator under which most columns are known.
func readHeader(line []byte) (header, error) {
	if bytes.IndexByte(line, 0) >= 0 {
		return header{}, ErrHeader.WithDetail("The header line holds NUL bytes. Save the file as UTF-8, or as UTF-16 with a byte order mark.")
	}
	var best header
	most, clash := 0, ""
	for _, sep := range []byte{',', ';', '\t'} {
		h, known, twice, err := parseHeader(line, sep)
		if err != nil {
			return header{}, err
		}
		if known > most {
			best, most, clash = h, known, twice
		}
	}
	switch {
	case clash != "":
		return header{}, ErrHeader.WithDetail("Two columns of the header line are named %q.", clash).
			WithFields(errs.Field{Name: clash, Cause: "the column is there twice"})
	case most == 0:
		return header{}, ErrHeader.WithDetail("The first line names no column that identifies a device. Start the file with %s; the order does not matter.", sampleHeader)
	}
	return best, nil
}

// parseHeader reads the header with one separator. known counts the columns that
// identify a device; twice names one that is there twice.
func parseHeader(line []byte, sep byte) (h header, known int, twice string, err error) {
	r := &records{in: bufio.NewReader(bytes.NewReader(line)), sep: sep}
	rec, err := r.read(MaxDevice)
	if errors.Is(err, io.EOF) {
		return header{}, 0, "", nil
	}
	if err != nil {
		return header{}, 0, "", err
	}
	h.sep = sep
	seen := map[string]bool{}
	for i := range rec.cells {
		title := strings.TrimSpace(rec.text(i))
		name := columnOf(title)
		if name != "" && seen[name] {
			twice = shown(title)
		}
		seen[name] = true
		if identifies[name] {
			known++
		}
		h.columns = append(h.columns, name)
		h.titles = append(h.titles, shown(title))
	}
	h.addWeak(seen)
	h.layout, h.result = layoutOf(seen), resultfile.Is(h.titles)
	return h, known, twice, nil
}

// addWeak takes columns by names that are common in people's own columns, too, unless
// the file has a better one.
func (h *header) addWeak(seen map[string]bool) {
	for i, title := range h.titles {
		if name := weakNames[fold(title)]; name != "" && !seen[name] {
			h.columns[i], seen[name] = name, true
		}
	}
}

// layoutOf tells the customers' form from partners' files by the columns it lacks.
func layoutOf(seen map[string]bool) Layout {
	if seen[assignedUser] {
		return LayoutCustomer
	}
	for _, name := range memberNames {
		name = fold(name)
		if name != "grouptag" && seen[name] != customerColumns[name] {
			return LayoutPartner
		}
	}
	return LayoutCustomer
}

// customerColumns are those the customers' form always has.
var customerColumns = map[string]bool{"serialnumber": true, "productkey": true, "hardwarehash": true}

var identifies = map[string]bool{
	"serialnumber": true, "productkey": true, "hardwarehash": true, "oemmanufacturername": true, "modelname": true,
}

// columnOf returns the member a column fills; empty for a title nobody knows.
func columnOf(title string) string {
	name := fold(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '_' || r == '-' || r == '.' || r == '\ufeff' {
			return -1
		}
		return r
	}, title))
	if alias, ok := columnNames[name]; ok {
		return alias
	}
	if known[name] || name == assignedUser {
		return name
	}
	return ""
}

var known = func() map[string]bool {
	m := make(map[string]bool, len(memberNames))
	for _, name := range memberNames {
		m[fold(name)] = true
	}
	return m
}()
