package intake

import "regexp"

// The short month names that English and German spreadsheets show. They make dates of
// serial numbers such as "12-3" or "MAR12" while a file is opened.
const months = `(?:jan|feb|mar|mär|mrz|apr|may|mai|jun|jul|aug|sept?|oct|okt|nov|dec|dez)\.?`

var spreadsheetDate = regexp.MustCompile(`(?i)^(?:` +
	`\d{1,2}(?:-|\. ?| )` + months + `(?:[- ]\d{2,4})?` + // 12-Mar, 12. Mrz, 12-Mar-26
	`|` + months + `[- ]\d{1,4}` + // Mar-12, Mrz 26
	`|\d{1,2}[./]\d{1,2}[./](?:\d{2}|\d{4})` + // 12.03.2026, 3/12/26
	`|\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?` + // 2026-03-12 00:00:00
	`)$`)

// looksLikeDate tells a value that a spreadsheet may have changed. Real serial numbers
// can look so, too; nobody may be refused for it.
func looksLikeDate(value string) bool { return len(value) <= 32 && spreadsheetDate.MatchString(value) }
