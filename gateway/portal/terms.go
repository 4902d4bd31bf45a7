package portal

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/consent"
	"countersign/internal/errs"
	"countersign/models"
)

// bounds are what a person may at most allow with one form.
type bounds struct {
	Scopes []string
	Limit  *int64
	Until  time.Time
	Same   time.Time // an exact end that its own day means; zero takes Until
}

// termsForm is what was filled in about a permission.
type termsForm struct {
	Sent           bool
	Scopes         []string
	Limit          string
	Manufacturers  string // one a line, as the other lists
	GroupTags      string
	PurchaseOrders string
	Until          string
	MaxUntil       string // empty where there is no bound to show
	Problems       []problem
	terms          consent.Terms
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

// Lists reports whether any list is filled in.
func (f termsForm) Lists() bool { return f.Manufacturers+f.GroupTags+f.PurchaseOrders != "" }

// termsOf fills the form with what was asked, but for the scopes, which a person chooses.
func (v *visit) termsOf(limit *int64, lists models.GrantLists, until time.Time) termsForm {
	form := termsForm{
		Until: v.Input(until), MaxUntil: v.Input(until), Manufacturers: strings.Join(lists.Manufacturers, "\n"),
		GroupTags: strings.Join(lists.GroupTags, "\n"), PurchaseOrders: strings.Join(lists.PurchaseOrders, "\n"),
	}
	if limit != nil {
		form.Limit = strconv.FormatInt(*limit, 10)
	}
	return form
}

// readTerms reads the terms from a form, and says in the reader's language what is wrong
// with them. Nothing may be wider than the bounds; lists are consent's to judge.
func (v *visit) readTerms(most bounds) termsForm {
	form := termsForm{
		Sent: true, Scopes: v.form["scope"], Limit: v.field("limit"), Until: v.field("until"), MaxUntil: v.Input(most.Until),
		Manufacturers: v.form.Get("manufacturers"), GroupTags: v.form.Get("groupTags"), PurchaseOrders: v.form.Get("purchaseOrders"),
	}
	form.scopes(v, most)
	form.limit(v, most)
	form.until(v, most)
	form.terms.Limits.Manufacturers = linesOf(form.Manufacturers)
	form.terms.Limits.GroupTags = linesOf(form.GroupTags)
	form.terms.Limits.PurchaseOrders = linesOf(form.PurchaseOrders)
	return form
}

// linesOf are the lines that say something. It is never nil: an empty field of a form
// means no limit, not one left as it was.
func linesOf(text string) []string {
	list := []string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// someLimits are the limits with nothing in place of an empty list.
func (f *termsForm) someLimits() consent.Limits {
	limits := f.terms.Limits
	for _, list := range []*[]string{&limits.Manufacturers, &limits.GroupTags, &limits.PurchaseOrders} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	return limits
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

// until takes the end of the chosen day where the reader is, or the exact end that its own
// day means.
func (f *termsForm) until(v *visit, most bounds) {
	day, err := time.ParseInLocation(time.DateOnly, f.Until, v.zone)
	if err != nil {
		f.Problems = append(f.Problems, problem{"until", v.T("terms.until.date")})
		return
	}
	end := day.AddDate(0, 0, 1).Add(-time.Second)
	same := most.Same
	if same.IsZero() {
		same = most.Until
	}
	switch {
	case f.Until == v.Input(same):
		end = same
	case end.After(most.Until):
		f.Problems = append(f.Problems, problem{"until", v.T("terms.until.most", "day", v.Day(most.Until))})
	case !end.After(v.now):
		f.Problems = append(f.Problems, problem{"until", v.T("terms.until.past")})
	}
	f.terms.ExpiresAt = &end
}

// refused takes a refusal of the terms by consent into the form, field by field, and
// reports whether it was one.
func (f *termsForm) refused(v *visit, err error) bool {
	if err == nil {
		return false
	}
	e := errs.From(err)
	if e.Kind != errs.Invalid || len(e.Fields) == 0 {
		return false
	}
	for _, field := range e.Fields {
		name := field.Name
		switch field.Name {
		case "manufacturers", "groupTags", "purchaseOrders":
		case "deviceLimit":
			name = "limit"
		case "expiresAt":
			name = "until"
		default:
			name = "scope"
		}
		f.Problems = append(f.Problems, problem{name, v.T("terms.wrong")})
	}
	return true
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }
