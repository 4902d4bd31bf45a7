package devicefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode"

	"countersign/gateway/wire"
	"countersign/internal/resultfile"
)

// Rows are the rows of an upload in input order, as the API gives them.
type Rows = iter.Seq2[wire.UploadRow, error]

// WriteResult writes the file with outcomes beside its rows. guarded counts the
// sender's own cells that got an apostrophe because a spreadsheet would have taken
// them for a formula.
func WriteResult(w io.Writer, r io.ReaderAt, f File, rows Rows) (guarded int, err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	if f.Kind == JSON {
		err = writeJSON(out, r, f, rows)
	} else {
		guarded, err = writeCSV(out, r, f, rows)
	}
	return guarded, errors.Join(err, out.Flush())
}

// csvResult writes one result.
type csvResult struct {
	out     *bufio.Writer
	in      *table
	own     int  // the sender's columns; a former result's are left out
	again   bool // the file is a former result
	guarded int
}

func writeCSV(out *bufio.Writer, r io.ReaderAt, f File, rows Rows) (int, error) {
	in, err := newTable(f.text(r))
	if err != nil {
		return 0, err
	}
	c := &csvResult{out: out, in: in, own: len(in.titles), again: resultfile.Is(in.titles)}
	if n := len(in.titles) - len(outcomeTitles); n > 0 && slices.Equal(in.titles[n:], outcomeTitles) {
		c.own = n
	}
	if f.BOM || f.charset != utf8Text {
		_, _ = out.WriteString("\uFEFF") // so that spreadsheets read UTF-8; a failed write comes back at Flush
	}
	if in.sepLine != "" {
		_, _ = out.WriteString(in.sepLine + in.newline)
	}
	c.write(in.titles[:c.own], outcomeTitles)
	return c.guarded, c.rows(rows)
}

func (c *csvResult) rows(rows Rows) error {
	next, stop := iter.Pull2(rows)
	defer stop()
	for n := 1; ; n++ {
		cells, err := c.in.row()
		if errors.Is(err, io.EOF) {
			return exhausted(next, n-1)
		}
		if err != nil {
			return err
		}
		row, err := take(next, n)
		if err != nil {
			return err
		}
		if c.again {
			unguard(cells)
		}
		if err := c.compare(cells, row); err != nil {
			return err
		}
		own, more := c.split(cells)
		c.write(own, append(OutcomeOf(row).cells(), more...))
	}
}

// unguard takes the cells of a former result for what they were before, as the gateway
// does.
func unguard(cells []string) {
	for i := range cells {
		cells[i] = resultfile.Unguard(cells[i])
	}
}

// take gets the outcome of row n.
func take(next func() (wire.UploadRow, error, bool), n int) (wire.UploadRow, error) {
	row, err, ok := next()
	switch {
	case err != nil:
		return row, err
	case !ok:
		return row, fmt.Errorf("the file has a row %d, but the upload ends before it", n)
	case row.Row != n:
		return row, fmt.Errorf("the outcome of row %d is missing; the next one is of row %d", n, row.Row)
	}
	return row, nil
}

func exhausted(next func() (wire.UploadRow, error, bool), rows int) error {
	row, err, ok := next()
	if err == nil && ok {
		return fmt.Errorf("the file has %d rows, but the upload has a row %d", rows, row.Row)
	}
	return err
}

// compare makes sure that the outcome belongs to the row. Values that the gateway
// must not keep come back empty.
func (c *csvResult) compare(cells []string, row wire.UploadRow) error {
	for _, pair := range []struct {
		column int
		got    string
	}{{c.in.serial, row.SerialNumber}, {c.in.product, row.ProductKey}} {
		if pair.got == "" || pair.column < 0 || pair.column >= len(cells) {
			continue
		}
		if sent := strings.TrimFunc(cells[pair.column], blank); sent != pair.got {
			return fmt.Errorf("row %d holds %q, but the outcome of row %d is about %q", row.Row, sent, row.Row, pair.got)
		}
	}
	return nil
}

// blank tells the characters the gateway cuts off around a value.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\u2060' || r == '\ufeff'
}

// split returns the sender's own cells, filled up to the header, and those past it.
func (c *csvResult) split(cells []string) (own, more []string) {
	if len(cells) > len(c.in.titles) {
		more = cells[len(c.in.titles):]
	}
	own = make([]string, c.own)
	copy(own, cells)
	return own, more
}

// write writes a record. The sender's cells are counted when they are guarded.
func (c *csvResult) write(own, added []string) {
	for i, cell := range slices.Concat(own, added) {
		if i > 0 {
			_ = c.out.WriteByte(c.in.sep)
		}
		text, guarded := resultfile.Guard(cell)
		if guarded && i < len(own) {
			c.guarded++
		}
		_, _ = c.out.WriteString(quote(text, c.in.sep))
	}
	_, _ = c.out.WriteString(c.in.newline)
}

// quote writes a value as RFC 4180 wants it.
func quote(cell string, sep byte) string {
	if strings.IndexByte(cell, sep) < 0 && !strings.ContainsAny(cell, "\"\r\n") && strings.TrimSpace(cell) == cell {
		return cell
	}
	return `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
}
