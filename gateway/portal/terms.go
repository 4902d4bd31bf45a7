package portal

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/consent"
)

// bounds are what a person may at most allow with one form.
type bounds struct {
	Scopes []string
	Limit  *int64
	Until  time.Time
}

// termsForm is what was filled in about a permission.
type termsForm struct {
	Sent     bool
	Scopes   []string
	Limit    string
	Until    string
	MaxUntil string
	Problems []problem
	terms    consent.Terms
}

// problem is a mistake in a form, with the field it is about.
type problem struct{ Field, Text string }

// For returns what is wrong with a field.
func (f termsForm) For(field string) string {
	for _, p := range f.Problems {
		if p.Field == field {
			return p.Text
		}
	}
	return ""
}

// termsOf fills the form with what was asked, but for the scopes, which a person chooses.
func (v *visit) termsOf(limit *int64, until time.Time) termsForm {
	form := termsForm{Until: v.Input(until), MaxUntil: v.Input(until)}
	if limit != nil {
		form.Limit = strconv.FormatInt(*limit, 10)
	}
	return form
}

// readTerms reads scopes, number and end from a form, and says in the reader's language
// what is wrong with them. Nothing may be wider than the bounds.
func (v *visit) readTerms(most bounds) termsForm {
	form := termsForm{Sent: true, Scopes: v.form["scope"], Limit: v.field("limit"), Until: v.field("until"), MaxUntil: v.Input(most.Until)}
	form.scopes(v, most)
	form.limit(v, most)
	form.until(v, most)
	return form
}

func (f *termsForm) scopes(v *visit, most bounds) {
	f.Scopes = slices.DeleteFunc(f.Scopes, func(scope string) bool { return !contains(most.Scopes, scope) })
	f.terms.Scopes = f.Scopes
	if len(f.Scopes) == 0 {
		f.Problems = append(f.Problems, problem{"scope", v.T("terms.scope.missing")})
	}
}

// limit leaves the field empty where no limit was asked for.
func (f *termsForm) limit(v *visit, most bounds) {
	if f.Limit == "" && most.Limit == nil {
		return
	}
	n, err := strconv.ParseInt(strings.NewReplacer(",", "", ".", "", " ", "").Replace(f.Limit), 10, 64)
	switch {
	case err != nil || n < 1:
		f.Problems = append(f.Problems, problem{"limit", v.T("terms.limit.number")})
	case most.Limit != nil && n > *most.Limit:
		f.Problems = append(f.Problems, problem{"limit", v.T("terms.limit.most", "n", *most.Limit)})
	default:
		f.terms.Limits.Devices = &n
	}
}

// until takes the end of the chosen day where the reader is, or the exact end that was
// asked for on its own day.
func (f *termsForm) until(v *visit, most bounds) {
	day, err := time.ParseInLocation(time.DateOnly, f.Until, v.zone)
	if err != nil {
		f.Problems = append(f.Problems, problem{"until", v.T("terms.until.date")})
		return
	}
	end := day.AddDate(0, 0, 1).Add(-time.Second)
	switch {
	case f.Until == f.MaxUntil:
		end = most.Until
	case end.After(most.Until):
		f.Problems = append(f.Problems, problem{"until", v.T("terms.until.most", "day", v.Day(most.Until))})
	case !end.After(v.now):
		f.Problems = append(f.Problems, problem{"until", v.T("terms.until.past")})
	}
	f.terms.ExpiresAt = &end
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }
