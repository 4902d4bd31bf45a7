package portal

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

//go:embed messages/*.json
var messageFiles embed.FS

// catalog is the words of one language.
type catalog struct {
	tag     language.Tag
	words   map[string]string
	printer *message.Printer
	months  []string
}

// catalogs are all languages; the first is what a reader gets who asked for none of them.
type catalogs struct {
	all     []*catalog
	matcher language.Matcher
}

// loadCatalogs reads every file of messages. English comes first.
func loadCatalogs() (*catalogs, error) {
	entries, err := messageFiles.ReadDir("messages")
	if err != nil {
		return nil, err
	}
	c := &catalogs{}
	for _, entry := range entries {
		one, err := loadCatalog(entry.Name())
		if err != nil {
			return nil, fmt.Errorf("messages/%s: %w", entry.Name(), err)
		}
		if one.tag == language.English {
			c.all = append([]*catalog{one}, c.all...)
		} else {
			c.all = append(c.all, one)
		}
	}
	tags := make([]language.Tag, len(c.all))
	for i, one := range c.all {
		tags[i] = one.tag
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

func loadCatalog(name string) (*catalog, error) {
	raw, err := messageFiles.ReadFile("messages/" + name)
	if err != nil {
		return nil, err
	}
	one := &catalog{}
	if one.tag, err = language.Parse(strings.TrimSuffix(name, path.Ext(name))); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &one.words); err != nil {
		return nil, err
	}
	one.printer = message.NewPrinter(one.tag)
	if one.months = strings.Fields(one.words["date.months"]); len(one.months) != 12 {
		return nil, fmt.Errorf("date.months names %d months", len(one.months))
	}
	return one, nil
}

// choose takes the language a reader picked, else the best of Accept-Language.
func (c *catalogs) choose(picked, accepted string) *catalog {
	for _, one := range c.all {
		if one.tag.String() == picked {
			return one
		}
	}
	wanted, _, _ := language.ParseAcceptLanguage(accepted) // a header that cannot be read asks for nothing
	_, at, _ := c.matcher.Match(wanted...)
	return c.all[at]
}

// reader is whom a page is written for: the language and the time zone.
type reader struct {
	*catalog
	zone *time.Location
	now  time.Time
}

// Lang is the language as HTML writes it.
func (r reader) Lang() string { return r.tag.String() }

// T returns a sentence with its {places} filled from pairs of name and value. A sentence
// that is not there is a mistake of ours that tests find; the page shows its key.
func (r reader) T(key string, pairs ...any) string {
	text, ok := r.words[key]
	if !ok {
		return key
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		text = strings.ReplaceAll(text, "{"+fmt.Sprint(pairs[i])+"}", r.text(pairs[i+1]))
	}
	return text
}

func (r reader) text(v any) string {
	switch v := v.(type) {
	case int64:
		return r.Number(v)
	case int:
		return r.Number(int64(v))
	}
	return fmt.Sprint(v)
}

// Has reports whether there is a sentence.
func (r reader) Has(key string) bool { return r.words[key] != "" }

// Word returns the sentence of one value of an enumeration.
func (r reader) Word(family string, value any) string { return r.T(family + "." + fmt.Sprint(value)) }

// pluralNames are the endings of keys, as CLDR names the forms.
var pluralNames = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}

// N returns a sentence about n things in the form the language has for that number.
func (r reader) N(key string, n int64, pairs ...any) string {
	digits := strconv.FormatInt(n, 10)
	form := plural.Cardinal.MatchPlural(r.tag, int(n%1_000_000), 0, 0, 0, 0)
	name := key + "." + pluralNames[form]
	if n < 0 || digits == "" || !r.Has(name) {
		name = key + ".other"
	}
	return r.T(name, append([]any{"n", n}, pairs...)...)
}

// Number writes a whole number with the language's marks between thousands.
func (r reader) Number(n int64) string { return r.printer.Sprint(number.Decimal(n)) }

// Day writes a date without its time.
func (r reader) Day(t time.Time) string {
	t = t.In(r.zone)
	return r.T("date.day", "day", strconv.Itoa(t.Day()), "month", r.months[t.Month()-1], "year", strconv.Itoa(t.Year()))
}

// Date writes date, time and zone.
func (r reader) Date(t time.Time) string { return r.dated(t, "15:04") }

// Moment writes date and time to the millisecond, for when it matters what came first.
func (r reader) Moment(t time.Time) string { return r.dated(t, "15:04:05.000") }

func (r reader) dated(t time.Time, clock string) string {
	t = t.In(r.zone)
	zone, _ := t.Zone()
	return r.T("date.full", "day", r.Day(t), "time", t.Format(clock), "zone", zone)
}

// Stamp is a time for machines, in the datetime attribute.
func (r reader) Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Input is a date as an input field of that kind has it.
func (r reader) Input(t time.Time) string { return t.In(r.zone).Format(time.DateOnly) }

// Zone names the time zone that times are shown in.
func (r reader) Zone() string { return r.zone.String() }

// Ago says roughly how long before now a time was, or in how long it will be.
func (r reader) Ago(t time.Time) string {
	days := int64(r.now.Sub(t) / (24 * time.Hour))
	switch {
	case t.After(r.now):
		left := int64((t.Sub(r.now) + 24*time.Hour - 1) / (24 * time.Hour))
		return r.N("time.in_days", left)
	case days == 0 && r.now.Sub(t) < time.Hour:
		return r.T("time.just_now")
	case days == 0:
		return r.N("time.hours_ago", int64(r.now.Sub(t)/time.Hour))
	}
	return r.N("time.days_ago", days)
}
