package partners

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/internal/errs"
	"countersign/internal/plaintext"
	"countersign/models"
)

// Limits of what an operator may enter.
const (
	maxNameRunes  = 200
	maxMPNID      = 64
	maxDomains    = 100
	maxDomainSize = 253 // RFC 1035 section 2.3.4
	maxLabelSize  = 63
)

// complaints collects what is wrong with an input, so that the caller sees all of
// it at once.
type complaints []errs.Field

func (c *complaints) add(wrong bool, field, cause string) {
	if wrong {
		*c = append(*c, errs.Field{Name: field, Cause: cause})
	}
}

// err is nil without complaints. The sentence repeats them for those who show
// nothing else.
func (c complaints) err() error {
	if len(c) == 0 {
		return nil
	}
	parts := make([]string, len(c))
	for i, field := range c {
		parts[i] = field.Name + ": " + field.Cause
	}
	return ErrInvalid.WithDetail("The input is not acceptable. %s.", strings.Join(parts, "; ")).WithFields(c...)
}

func (c *complaints) name(value string) {
	value = strings.TrimSpace(value)
	c.add(value == "", "name", "must be 1 to 200 printable characters")
	if fault := plaintext.Fault(value, maxNameRunes); fault != "" {
		c.add(true, "name", fault) // strangers read it on pages and in mails
	}
}

// printable also keeps out NUL, which PostgreSQL cannot store in a text.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// validDomain accepts a host name of two or more labels in lower-case ASCII
// (RFC 1123 section 2.1). Names in other scripts are entered in their xn-- form.
func validDomain(domain string) bool {
	labels := strings.Split(domain, ".")
	if len(domain) > maxDomainSize || len(labels) < 2 {
		return false
	}
	for _, label := range labels {
		if !validLabel(label) {
			return false
		}
	}
	return strings.ContainsFunc(labels[len(labels)-1], unicode.IsLetter) // not an IP address
}

func validLabel(label string) bool {
	if label == "" || len(label) > maxLabelSize || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// foldGUID brings an id to the form it is stored in; false when it is none.
func foldGUID[T ~string](id T) (T, bool) {
	folded := T(strings.ToLower(string(id)))
	return folded, models.ValidGUID(string(folded))
}

// clientPrefixes keep the ids of clients apart from each other's kinds and from
// the subjects of people who sign in (RFC 9700 section 4.15).
var clientPrefixes = map[models.OwnerKind]string{
	models.OwnerPartner:  "p-",
	models.OwnerTenant:   "t-",
	models.OwnerOperator: "o-",
}

// validClientID reports whether an id can be one of ours. Everything else never
// reaches the database, which would choke on a NUL.
func validClientID(id models.ClientID) bool {
	if len(id) < 2 {
		return false
	}
	for _, prefix := range clientPrefixes {
		if string(id[:2]) == prefix {
			return models.ValidGUID(string(id[2:]))
		}
	}
	return false
}
