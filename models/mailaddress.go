package models

import (
	"net/mail"
	"strings"
)

// ValidMailAddress reports whether mail can be written to an address: one local part and
// one domain in ASCII and nothing beside, so that it is one word in a header.
func ValidMailAddress(address string) bool {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" || len(address) > 254 {
		return false
	}
	for _, c := range []byte(address) {
		if c <= ' ' || c > '~' || strings.IndexByte(`"(),:;<>[\]`, c) >= 0 {
			return false
		}
	}
	return strings.Count(address, "@") == 1
}
