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
	"countersign/models"
)

// Rows are the rows of an upload in input order, as the API gives them.
type Rows = iter.Seq2[wire.UploadRow, error]

type row = wire.UploadRow

// merge is a file with the outcomes to write into it.
type merge struct {
	in         io.ReaderAt
	file       File
	rows       Rows
	failedOnly bool
}

// leaves reports a row that is left out of the result.
func (m merge) leaves(r row) bool { return m.failedOnly && r.OutcomeClass == string(models.ClassDone) }

// WriteResult writes the file with outcomes beside its rows; failedOnly leaves out
// those that are done. guarded counts the sender's own cells that got an apostrophe
// because a spreadsheet would have taken them for a formula.
func WriteResult(w io.Writer, r io.ReaderAt, f File, rows Rows, failedOnly bool) (guarded int, err error) {
	out := bufio.NewWriterSize(w, 64<<10)
	m := merge{in: r, file: f, rows: rows, failedOnly: failedOnly}
	switch f.Kind {
	case JSON:
		err = m.writeJSON(out)
	case NDJSON:
		err = m.writeNDJSON(out)
	default:
		guarded, err = m.writeCSV(out)
	}
	return guarded, errors.Join(err, out.Flush())
}

// csvResult writes one result.
type csvResult struct {
	merge
	out     *bufio.Writer
	table   *table
	own     []int // the sender's columns; a former result's are left out
	again   bool  // the file is a former result
	guarded int
}

func (m merge) writeCSV(out *bufio.Writer) (int, error) {
	in, err := newTable(m.file.text(m.in))
	if err != nil {
		return 0, err
	}
	c := &csvResult{merge: m, out: out, table: in, own: ownColumns(in.titles), again: resultfile.Is(in.titles)}
	if m.file.BOM || m.file.charset != utf8Text {
		_, _ = out.WriteString("\uFEFF") // so that spreadsheets read UTF-8; a failed write comes back at Flush
	}
	if in.sepLine != "" {
		_, _ = out.WriteString(in.sepLine + in.newline)
	}
	c.write(c.pick(in.titles), outcomeTitles)
	return c.guarded, c.copyRows()
}

// ownColumns are the columns of the sender. Those of a former result are there all
// together, wherever a spreadsheet has moved them to; a sender's own column that
// bears one of their names stands before them.
func ownColumns(titles []string) []int {
	former := map[int]bool{}
	for _, title := range outcomeTitles {
		for i := len(titles) - 1; i >= 0; i-- {
			if titles[i] == title {
				former[i] = true
				break
			}
		}
	}
	var own []int
	for i := range titles {
		if len(former) < len(outcomeTitles) || !former[i] {
			own = append(own, i)
		}
	}
	return own
}

func (c *csvResult) copyRows() error {
	next, stop := iter.Pull2(c.rows)
	defer stop()
	for n := 1; ; n++ {
		cells, err := c.table.row()
		if errors.Is(err, io.EOF) {
			return exhausted(next, n-1)
		}
		if err != nil {
			return err
		}
		outcome, err := take(next, n)
		if err != nil {
			return err
		}
		if c.again {
			unguard(cells)
		}
		if err := c.compare(cells, outcome); err != nil {
			return err
		}
		if c.leaves(outcome) {
			continue
		}
		var more []string
		if len(cells) > len(c.table.titles) {
			more = cells[len(c.table.titles):]
		}
		c.write(c.pick(cells), append(OutcomeOf(outcome).cells(), more...))
	}
}

// take gets the outcome of row n.
func take(next func() (row, error, bool), n int) (row, error) {
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

func exhausted(next func() (row, error, bool), rows int) error {
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
	}{{c.table.serial, row.SerialNumber}, {c.table.product, row.ProductKey}} {
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

// pick returns the sender's own cells of a row, as many as there are columns.
func (c *csvResult) pick(cells []string) []string {
	own := make([]string, len(c.own))
	for i, column := range c.own {
		if column < len(cells) {
			own[i] = cells[column]
		}
	}
	return own
}

// write writes a record. The sender's cells are counted when they are guarded.
func (c *csvResult) write(own, added []string) {
	for i, cell := range slices.Concat(own, added) {
		if i > 0 {
			_ = c.out.WriteByte(c.table.sep)
		}
		text, guarded := resultfile.Guard(cell)
		if guarded && i < len(own) {
			c.guarded++
		}
		_, _ = c.out.WriteString(quote(text, c.table.sep))
	}
	_, _ = c.out.WriteString(c.table.newline)
}

// Guard makes a cell of ours or of somebody else's safe for a spreadsheet.
func Guard(cell string) string {
	safe, _ := resultfile.Guard(cell)
	return safe
}

// unguard gives the sender's values back, as the gateway reads a former result.
func unguard(cells []string) {
	for i := range cells {
		cells[i] = resultfile.Unguard(cells[i])
	}
}

// quote writes a value as RFC 4180 wants it.
func quote(cell string, sep byte) string {
	if strings.IndexByte(cell, sep) < 0 && !strings.ContainsAny(cell, "\"\r\n") && strings.TrimSpace(cell) == cell {
		return cell
	}
	return `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
}
