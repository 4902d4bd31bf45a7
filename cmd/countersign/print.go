package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

const (
	outputTable = "table"
	outputJSON  = "json"
	outputCSV   = "csv"
)

// print writes a result: as JSON, or by table for people.
func (a *app) print(value any, table func(*grid)) error {
	if a.output == outputJSON {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(value)
	}
	g := &grid{tabs: tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)}
	table(g)
	return g.tabs.Flush()
}

// grid is a table for people.
type grid struct{ tabs *tabwriter.Writer }

// row writes cells; text that came from elsewhere cannot leave its cell.
func (g *grid) row(cells ...any) {
	words := make([]string, len(cells))
	for i, cell := range cells {
		words[i] = plain(word(cell))
	}
	_, _ = fmt.Fprintln(g.tabs, strings.TrimRight(strings.Join(words, "\t"), "\t")) // comes back at Flush
}

// field writes one line of a single thing; empty ones are left out.
func (g *grid) field(name string, value any) {
	if word(value) != "" {
		g.row(name+":", value)
	}
}

func word(cell any) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format("2006-01-02 15:04:05Z")
	case *time.Time:
		if v == nil {
			return ""
		}
		return word(*v)
	case *int64:
		if v == nil {
			return "no limit"
		}
		return strconv.FormatInt(*v, 10)
	case *string:
		if v == nil {
			return ""
		}
		return *v
	case []string:
		return strings.Join(v, " ")
	}
	return fmt.Sprint(cell)
}

// plain makes text that came from elsewhere fit for a terminal: a serial number
// must not move the cursor or change colours.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// listing is the JSON of every list.
type listing[T any] struct {
	Items []T  `json:"items"`
	More  bool `json:"more"` // the list goes on past --limit
}

func newListing[T any](items []T, more bool) listing[T] {
	return listing[T]{orEmpty(items), more}
}

// noteMore tells people that a list was cut.
func (a *app) noteMore(more bool) {
	if more && a.output == outputTable {
		a.say("There is more; use --limit 0 for all.")
	}
}

func size(n int64) string {
	const unit = 1024
	value, name := float64(n), "bytes"
	for _, next := range []string{"KiB", "MiB", "GiB"} {
		if value < unit {
			break
		}
		value, name = value/unit, next
	}
	if name == "bytes" {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", value, name)
}
