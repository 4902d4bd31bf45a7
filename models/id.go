package models

// Identifiers are lower-case GUID text unless said otherwise. They are distinct
// types so that a partner's id can never be passed where a tenant's is meant.

// PartnerID names a partner organisation.
type PartnerID string

// TenantID names a customer; it may be any GUID a caller wrote, known or not.
type TenantID string

// ClientID names an OAuth client; its prefix says whose: "p-", "t-" or "o-".
type ClientID string

// RequestID names a consent request.
type RequestID string

// GrantID names a grant, the tenant's registration authorization.
type GrantID string

// LinkID names a link between a reseller and a provider.
type LinkID string

// TrackingID names an upload, and is what partners poll with.
type TrackingID string

// DeviceID names a registration in the core; it is the device id everywhere.
type DeviceID string

// PersonID names a person of a tenant who signed in; never an address or a user
// name, which the tenant's provider may give to somebody else.
type PersonID string

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
