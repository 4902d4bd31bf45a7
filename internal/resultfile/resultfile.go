// Package resultfile is what the writer and the reader of a result file agree on: a
// device list in CSV with columns that tell what became of each row. The command line
// writes it, people correct it in a spreadsheet, and the gateway takes it in again.
package resultfile

import (
	"slices"
	"strings"
)

// Columns are the titles of the columns that are added, in this order.
var Columns = []string{
	"rowNumber", "status", "errorCode", "errorDescription", "outcomeClass",
	"deviceId", "explanation", "nextActor", "safeToRepeat",
}

// Is reports whether a header line is that of a result file. A spreadsheet may have
// moved the columns, but a file that lacks one of them is somebody's own.
func Is(titles []string) bool {
	for _, want := range Columns {
		if !slices.ContainsFunc(titles, func(t string) bool { return strings.EqualFold(strings.TrimSpace(t), want) }) {
			return false
		}
	}
	return true
}

// formula holds what a spreadsheet takes for the beginning of a formula, or could (ASVS
// 5.0, 1.2.10), and the full-width forms some of them fold.
const formula = "=+-@\t\r\x00＝＋－＠"

// Guard puts an apostrophe before a cell that a spreadsheet would take for a formula,
// and before one that looks guarded already, so that Unguard gives back every cell as
// it was.
func Guard(cell string) (guarded string, changed bool) {
	if !looksLikeFormula(strings.TrimLeft(cell, "'")) {
		return cell, false
	}
	return "'" + cell, true
}

// Unguard takes off what Guard put on.
func Unguard(cell string) string {
	if strings.HasPrefix(cell, "'") && looksLikeFormula(strings.TrimLeft(cell, "'")) {
		return cell[1:]
	}
	return cell
}

func looksLikeFormula(cell string) bool {
	for _, first := range cell {
		return strings.ContainsRune(formula, first)
	}
	return false
}
