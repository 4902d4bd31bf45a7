package apidocs

import (
	"bytes"
	_ "embed" // for the templates
	"fmt"
	"html/template"
	"strings"
	"sync"

	"countersign/gateway/wire"
	"countersign/models"
)

// Page is a document with the policy it is served under (CSP level 3).
type Page struct {
	HTML   []byte
	Policy string
}

const common = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'self'; img-src 'self' data:"

// Home is the API as Swagger UI shows it. Its scripts are files of this server and speak
// to this server.
var Home = sync.OnceValue(func() Page {
	return Page{HTML: render(homeText, nil), Policy: common + "; script-src 'self'; connect-src 'self'"}
})

// Errors says what each error word and each outcome means. It needs no script.
var Errors = sync.OnceValue(func() Page {
	return Page{HTML: render(errorsText, struct{ Calls, Rows []entry }{callEntries(), rowEntries()}), Policy: common}
})

//go:embed home.html
var homeText string

//go:embed errors.html
var errorsText string

// render fills a page; it can fail only by a mistake in the page, which tests show.
func render(text string, data any) []byte {
	page := template.Must(template.New("page").Funcs(template.FuncMap{"asset": address, "prose": prose}).Parse(text))
	var out bytes.Buffer
	if err := page.Execute(&out, data); err != nil {
		panic(fmt.Errorf("a page of the API's documents: %w", err))
	}
	return out.Bytes()
}

// entry is one error or outcome.
type entry struct {
	ID, Name, Title, Facts string
	Cause, Cure            string
	Actor, Again           string
}

func callEntries() (all []entry) {
	for _, c := range wire.Codes() {
		again := "Sending the same call again does not help until that is done."
		if c.Retryable {
			again = "The same call can succeed later."
		}
		all = append(all, entry{
			ID: c.Word, Name: c.Word, Title: c.Title + ".",
			Facts: fmt.Sprintf("HTTP status %d, Partner Center's code %s", c.Status, c.Number),
			Cause: c.Cause(), Cure: c.Advice, Actor: actors[c.NextActor], Again: again,
		})
	}
	return all
}

func rowEntries() (all []entry) {
	for _, o := range models.Outcomes() {
		help, _ := wire.OutcomeHelp(o.Code)
		e := entry{
			ID: "outcome-" + string(o.Code), Name: string(o.Code) + " " + o.Description, Title: o.Sentence,
			Facts: "Outcome class " + string(o.Class),
			Cause: help.Cause, Cure: help.Cure, Actor: actors[o.NextActor], Again: "Sending the same row again does not help.",
		}
		if o.Code == models.OutcomeRegistered {
			e.ID, e.Name = "outcome-none", "no error code"
		}
		switch {
		case o.Class == models.ClassDone:
			e.Again = "Sending the row again does no harm and is not needed."
		case o.SafeToRepeat:
			e.Again = "Sending the row again does no harm, and helps once that is done."
		}
		all = append(all, e)
	}
	return all
}

var actors = map[string]string{
	wire.ActorPartner:  "The partner, or whoever else made the call.",
	wire.ActorCustomer: "The customer's administrator.",
	wire.ActorOperator: "The operator of this service.",
	"manufacturer":     "The manufacturer of the device.",
	"nobody":           "Nobody.",
}

// prose turns the backticks of Markdown into code; all else is text.
func prose(s string) template.HTML {
	var out strings.Builder
	for i, part := range strings.Split(s, "`") {
		escaped := template.HTMLEscapeString(part)
		if i%2 == 1 {
			escaped = "<code>" + escaped + "</code>"
		}
		out.WriteString(escaped)
	}
	return template.HTML(out.String()) //nolint:gosec // every part is escaped above
}
