package wire

import (
	"fmt"
	"io"

	"countersign/models"
)

const errorsIntro = `# Errors

Printed from the tables in ` + "`gateway/wire` and `models/outcome.go`" + `; a test keeps this page equal to them. A running server shows
it as ` + "`/docs/errors`" + `.

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
		_, err := fmt.Fprintf(w, "\n### %s\n\n%s.\n\n| HTTP | code | who acts next | repeat helps |\n|---|---|---|---|\n| %d | %s | %s | %s |\n\n"+
			"- **Cause:** %s\n- **Cure:** %s\n", c.Word, c.Title, c.Status, c.Number, c.NextActor, yesNo(c.Retryable), c.Cause(), c.Advice)
		if err != nil {
			return err
		}
	}
	return writeOutcomes(w)
}

const outcomesIntro = `
## Outcomes of a row

What became of one device in an accepted upload: its ` + "`errorCode` and `errorDescription`" + `.
`

func writeOutcomes(w io.Writer) error {
	if _, err := io.WriteString(w, outcomesIntro); err != nil {
		return err
	}
	for _, o := range models.Outcomes() {
		help, _ := OutcomeHelp(o.Code)
		_, err := fmt.Fprintf(w, "\n### %s\n\n%s\n\n| outcomeClass | who acts next | safe to repeat |\n|---|---|---|\n| %s | %s | %s |\n\n"+
			"- **Cause:** %s\n- **Cure:** %s\n", outcomeTitle(o), o.Sentence, o.Class, o.NextActor, yesNo(o.SafeToRepeat), help.Cause, help.Cure)
		if err != nil {
			return err
		}
	}
	return nil
}

func outcomeTitle(o models.Outcome) string {
	if o.Code == models.OutcomeRegistered {
		return "No error code"
	}
	return string(o.Code) + " " + o.Description
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
