package format

import (
	"errors"
	"regexp"
	"strings"

	"countersign/gateway/intake"
	"countersign/internal/errs"
)

// ErrProductKey refuses a factory's body that holds a secret. Its sentence never says
// which.
var ErrProductKey = errs.New(errs.Invalid, "product_key_secret", "The body holds a 5x5 product key.")

const productKeyAdvice = "It is a secret, and nothing of the body was kept. Send the file that OA3Tool /Report wrote (ReportedXMLFile in its configuration), which holds the ProductKeyID instead."

// maxSoldTo is the most bytes of a partner's name for another partner; Microsoft's
// customer numbers have 10.
const maxSoldTo = 256

// reportHead is what a build report says about all its keys.
type reportHead struct {
	id     string
	soldTo string
	keys   bool // the keys have begun
}

// The rule of a request id (gateway), because the report's id becomes one.
var reportID = regexp.MustCompile(`^[a-z0-9._:-]{8,128}$`)

// setID takes CustomerReportUniqueID. Tools write a GUID with or without braces and in
// either case; it is the same report.
func (h *reportHead) setID(value string) error {
	id := fold(strings.TrimSpace(value))
	switch {
	case intake.HoldsProductKey(id):
		return ErrProductKey.WithDetail("The report's id holds a 5x5 product key. %s", productKeyAdvice)
	case h.id != "":
		return errors.New("the member is given twice")
	case id == "":
		return nil
	}
	if strings.HasPrefix(id, "{") && strings.HasSuffix(id, "}") {
		id = id[1 : len(id)-1]
	}
	if !reportID.MatchString(id) {
		return errors.New("the report's id must have 8 to 128 letters, digits and ._:-, for example a GUID")
	}
	h.id = id
	return nil
}

// setSoldTo takes the partner all keys were sold to. Keys are handed on as they are
// read, so it has to stand before them.
func (h *reportHead) setSoldTo(value string) error {
	value = strings.TrimSpace(value)
	switch {
	case intake.HoldsProductKey(value):
		return ErrProductKey.WithDetail("The report's customer holds a 5x5 product key. %s", productKeyAdvice)
	case value == "":
		return nil
	case h.keys:
		return errors.New("what holds for all keys must stand before the first of them; move it up, or state it in each key")
	case h.soldTo != "":
		return errors.New("the member is given twice")
	case len(value) > maxSoldTo:
		return errors.New("the member is too long")
	}
	h.soldTo = value
	return nil
}

// complete gives a key what holds for all.
func (h *reportHead) complete(row intake.Row) intake.Row {
	row.SoldTo, row.KeyState = strings.TrimSpace(row.SoldTo), strings.TrimSpace(row.KeyState)
	if row.SoldTo == "" {
		row.SoldTo = h.soldTo
	}
	return row
}
