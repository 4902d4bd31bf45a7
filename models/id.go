package models

// Identifiers are lower-case GUID text unless said otherwise. They are distinct
// types so that a partner's id can never be passed where a tenant's is meant.
type (
	PartnerID  string // a partner organisation
	TenantID   string // a customer; may be any GUID a caller names, known or not
	ClientID   string // an OAuth client; prefix says whose: "p-", "t-" or "o-"
	RequestID  string // a consent request
	GrantID    string // a grant, the tenant's registration authorization
	TrackingID string // an upload, the id partners poll with
	DeviceID   string // a registration in the core; the device id everywhere
)

// ValidGUID reports whether s is a GUID in the 8-4-4-4-12 form, in either case.
func ValidGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if s[i] != '-' {
				return false
			}
			continue
		}
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
