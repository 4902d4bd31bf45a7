package intake

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/models"
)

// verdict is an outcome that intake itself gives a row; nil means that the core
// decides.
type verdict struct {
	code   models.OutcomeCode
	detail string
}

func refusal(code models.OutcomeCode, format string, args ...any) *verdict {
	return &verdict{code: code, detail: fmt.Sprintf(format, args...)}
}

var (
	// A spreadsheet shows long numbers like this, and saves what it shows.
	rounded = regexp.MustCompile(`^[+-]?\d(?:[.,]\d+)?[Ee]\+\d{1,3}$`)
	keyID   = regexp.MustCompile(`^\d{13}$`)
	// A key id without the zero it began with.
	shortKeyID = regexp.MustCompile(`^\d{12}$`)
)

// cells reads the cells of one row: it returns what may be kept of each and collects
// what there is to say. After the first refusal the other cells are still read, so
// that the row can be shown with all it states.
type cells struct {
	warnings []string
	refused  *verdict
}

func (c *cells) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

func (c *cells) refuse(v *verdict) {
	if c.refused == nil {
		c.refused = v
	}
}

// text returns a cell without outer blanks, or nothing when it must not be kept.
func (c *cells) text(name, value string) string {
	if v := unusable(name, value); v != nil {
		c.refuse(v)
		return ""
	}
	trimmed := strings.TrimFunc(value, blank)
	if trimmed != value {
		c.warn("%s: blanks around the value were cut off.", name)
	}
	return trimmed
}

// identifier is text that a spreadsheet must not have rounded.
func (c *cells) identifier(name, value string) string {
	value = c.text(name, value)
	if rounded.MatchString(value) {
		c.refuse(refusal(models.OutcomeUnreadableRow, "%s is %q: the spreadsheet rounded this number and its digits are lost. Format the column as text and fill it in again.", name, value))
	}
	return value
}

// serial is an identifier that a spreadsheet must not have taken for a date. It may be
// a sound serial number all the same, so the row goes on.
func (c *cells) serial(value string) string {
	const name = "serialNumber"
	value = c.identifier(name, value)
	if looksLikeDate(value) {
		c.warn("%s is %q, which looks like a date; a spreadsheet may have changed it.", name, value)
	}
	return value
}

// productKey reads a product key id. Nothing that may be a product key is kept,
// whatever stands between its groups.
func (c *cells) productKey(value string) string {
	const name = "productKey"
	if alnum := strings.Map(keepAlnum, value); len(value) <= MaxCell && len(alnum) == 25 {
		c.refuse(refusal(models.OutcomeUnreadableRow, secretSentence, name))
		return ""
	}
	value = c.identifier(name, value)
	if shortKeyID.MatchString(value) {
		c.refuse(refusal(models.OutcomeUnreadableRow, "%s has 12 characters, but a product key id (PKID) has exactly 13 digits. If it begins with a zero, a spreadsheet may have cut it off: format the column as text and fill it in again.", name))
		return ""
	}
	if value != "" && !keyID.MatchString(value) {
		c.refuse(refusal(models.OutcomeUnreadableRow, "%s has %d characters, but a product key id (PKID) has exactly 13 digits. The Product ID shown in Windows settings is another number.", name, utf8.RuneCountInString(value)))
		return ""
	}
	return value
}

// order reads the order data. A rounded number there hurts only the sender's own
// book-keeping.
func (c *cells) order(o models.OrderData) models.OrderData {
	for _, f := range orderFields(&o) {
		*f.value = c.text(f.name, *f.value)
		if rounded.MatchString(*f.value) {
			c.warn("%s is %q: the spreadsheet seems to have rounded this number.", f.name, *f.value)
		}
	}
	return o
}

type orderField struct {
	name  string
	value *string
}

func orderFields(o *models.OrderData) []orderField {
	return []orderField{
		{"purchaseOrder", &o.PurchaseOrder},
		{"orderNumber", &o.OrderNumber},
		{"orderLine", &o.OrderLine},
		{"deliveryNote", &o.DeliveryNote},
		{"shipDate", &o.ShipDate},
		{"groupTag", &o.GroupTag},
		{"customerReference", &o.CustomerReference},
	}
}

// unusable says why a cell can neither be used nor kept.
func unusable(name, value string) *verdict {
	switch {
	case len(value) > MaxCell:
		return refusal(models.OutcomeUnreadableRow, "%s has %d bytes; a cell has at most %d.", name, len(value), MaxCell)
	case strings.IndexByte(value, 0) >= 0:
		return refusal(models.OutcomeUnreadableRow, "%s holds a NUL character. Export the file again as text.", name)
	case !utf8.ValidString(value):
		return refusal(models.OutcomeUnreadableRow, "%s is not valid UTF-8. Save the file as UTF-8 and send it again.", name)
	case holdsSecret(value):
		return refusal(models.OutcomeUnreadableRow, secretSentence, name)
	}
	return nil
}

// sentence makes a text that came with the row fit to be stored and shown.
func sentence(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "?")
	if holdsSecret(s) {
		return "A 5x5 product key was found here. It is a secret and was not kept."
	}
	return s
}

// blank tells the characters that people cannot see at the ends of a cell.
func blank(r rune) bool {
	return unicode.IsSpace(r) || r == '\u200b' || r == '\u2060' || r == '\ufeff'
}

func keepAlnum(r rune) rune {
	if r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return r
	}
	return -1
}
