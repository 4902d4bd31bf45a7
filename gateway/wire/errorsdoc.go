package wire

import (
	"fmt"
	"io"

	"countersign/models"
)

const errorsIntro = `# Errors

Printed from the tables in ` + "`gateway/wire/codes.go` and `models/outcome.go`" + `; a test keeps this page equal to them.

Every refusal but 429 has one body with two vocabularies: Partner Center's ` + "`code`, `description`, `data`, `source`" + `
and RFC 9457's ` + "`type`, `title`, `status`, `detail`, `instance`" + `, with our word for the error as ` + "`reason`" + `, who can
resolve it as ` + "`nextActor`" + `, whether the same call can succeed later as ` + "`retryable`" + `, and a link to this page.
429 is ` + "`{\"statusCode\":429,\"message\":…}`" + ` with ` + "`Retry-After`" + ` in whole seconds. The token endpoint answers with the
error body of RFC 6749. Under ` + "`/v1/customers`" + ` a permanent refusal is always 400, 401, 403, 404 or 409, because Partner
Center's SDK repeats every other status: 405, 413 and 415 are sent as 400 there.

## Refusals of a call
`

// WriteErrorsDoc prints docs/errors.md.
func WriteErrorsDoc(w io.Writer) error {
	if _, err := io.WriteString(w, errorsIntro); err != nil {
		return err
	}
	for _, c := range codes {
		again := "no"
		if c.Retryable {
			again = "yes"
		}
		if _, err := fmt.Fprintf(w, "\n### %s\n\n%s.\n\n| HTTP | code | next actor | repeat helps |\n|---|---|---|---|\n| %d | %s | %s | %s |\n\n%s\n",
			c.Word, c.Title, c.Status, c.Number, c.NextActor, again, c.Advice); err != nil {
			return err
		}
	}
	return writeOutcomes(w)
}

func writeOutcomes(w io.Writer) error {
	if _, err := fmt.Fprint(w, "\n## Outcomes of a row\n\nThe `errorCode` and `errorDescription` of one device in an accepted upload.\n\n| errorCode | errorDescription | outcomeClass | next actor | safe to repeat | Meaning |\n|---|---|---|---|---|---|\n"); err != nil {
		return err
	}
	for _, o := range models.Outcomes() {
		code, name, again := string(o.Code), o.Description, "no"
		if o.Code == models.OutcomeRegistered {
			code, name = "(none)", "(none)"
		}
		if o.SafeToRepeat {
			again = "yes"
		}
		if _, err := fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s |\n", code, name, o.Class, o.NextActor, again, o.Sentence); err != nil {
			return err
		}
	}
	return nil
}
