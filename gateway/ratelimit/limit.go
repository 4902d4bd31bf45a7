package ratelimit

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"

	"countersign/models"
)

// Name is a named limit. It appears in RateLimit headers, so a published name
// never changes its meaning.
type Name string

// The limits, each with the key of its buckets.
const (
	// Devices counts the devices a partner submits, over all tenants.
	// Key: partner id. Unit: devices.
	Devices Name = "devices"
	// TenantDevices counts the devices a partner submits for one tenant, so that
	// one customer's roll-out leaves room for the others.
	// Key: partner id "/" tenant id. Unit: devices.
	TenantDevices Name = "tenant-devices"
	// Requests counts the API calls of one OAuth client.
	// Key: client id. Unit: requests.
	Requests Name = "requests"
	// TokenRequests counts calls of the token endpoint from one source, before
	// anything about the caller is known.
	// Key: source address, see SourceKey. Unit: requests.
	TokenRequests Name = "token-requests"
	// FailedAuthentications counts failed proofs of identity for one client name
	// from one source, so that guessing is slow and yet nobody can lock a client
	// out from elsewhere. Spend it before the credential is looked at and refund it
	// when the proof was good: guesses made at the same time then cannot all pass.
	// Key: source address "/" client id as presented. Unit: attempts.
	FailedAuthentications Name = "failed-authentications"
	// Guesses counts what a partner learned by naming devices that it need not hold: by
	// product key id, or by manufacturer, model and serial number. What was learned is
	// known afterwards only, so that it is taken with Take.
	// Key: partner id. Unit: points, MissPoints for a device that was not to be had and
	// one for a factory's record that does not name the partner.
	Guesses Name = "guesses"
	// LinkAttempts counts how often links to consent requests are opened from one
	// source, and again while AllLinkAttempts is used up; see LinkGuesses.
	// Key: source address, with a word before it in the latter case. Unit: attempts.
	LinkAttempts Name = "link-attempts"
	// AllLinkAttempts counts the same over all sources. One bucket. Unit: attempts.
	AllLinkAttempts Name = "all-link-attempts"
)

// MissPoints is what a miss weighs among Guesses. A claim that succeeds may be honest
// business: most records do not say whom they were sold to.
const MissPoints = 10

// Unit returns the word for what the limit counts.
func (n Name) Unit() string {
	switch n {
	case Devices, TenantDevices:
		return "devices"
	case FailedAuthentications, LinkAttempts, AllLinkAttempts:
		return "attempts"
	case Guesses:
		return "points"
	default:
		return "requests"
	}
}

// anonymous reports whether callers choose the key before they proved who they
// are. Such buckets are bounded in number, see Memory.
func (n Name) anonymous() bool {
	return n == TokenRequests || n == FailedAuthentications || n == LinkAttempts
}

// closed reports whether the limit stands against guessing. Such a limit is not
// decided while the store that replicas share is away: a caller told to come back
// later loses less than a secret that was guessed.
func (n Name) closed() bool {
	return n == FailedAuthentications || n == LinkAttempts || n == AllLinkAttempts
}

// Charge asks for Cost units of one bucket.
type Charge struct {
	Limit Name
	Key   string // which bucket of the limit
	Rate  Rate
	Cost  int64 // units, >= 0; zero is always admitted
}

// ForDevices charges a partner for n devices.
func ForDevices(partner models.PartnerID, rate Rate, n int64) Charge {
	return Charge{Limit: Devices, Key: string(partner), Rate: rate, Cost: n}
}

// ForTenantDevices charges a partner for n devices of one tenant.
func ForTenantDevices(partner models.PartnerID, tenant models.TenantID, rate Rate, n int64) Charge {
	return Charge{Limit: TenantDevices, Key: string(partner) + "/" + string(tenant), Rate: rate, Cost: n}
}

// ForRequest charges a client for one API call.
func ForRequest(client models.ClientID, rate Rate) Charge {
	return Charge{Limit: Requests, Key: string(client), Rate: rate, Cost: 1}
}

// ForTokenRequest charges a source address for one call of the token endpoint.
func ForTokenRequest(source netip.Addr, rate Rate) Charge {
	return Charge{Limit: TokenRequests, Key: SourceKey(source), Rate: rate, Cost: 1}
}

// ForFailedAuthentication charges one attempt to authenticate as client from a
// source address. The client id is what the caller wrote; it may be anything.
func ForFailedAuthentication(client models.ClientID, source netip.Addr, rate Rate) Charge {
	key := SourceKey(source) + "/" + shorten(string(client))
	return Charge{Limit: FailedAuthentications, Key: key, Rate: rate, Cost: 1}
}

// ForGuesses charges a partner for points; missesPerHour is the limit in misses.
func ForGuesses(partner models.PartnerID, missesPerHour, points int64) Charge {
	rate := Rate{Count: missesPerHour * MissPoints, Period: time.Hour}
	return Charge{Limit: Guesses, Key: string(partner), Rate: rate, Cost: points}
}

// SourceKey returns the key of a source address: an IPv4 address itself, the /64
// network of an IPv6 address. A single host commonly owns a whole /64 (RFC 6177,
// RFC 7934), so that counting full IPv6 addresses would count nothing. All invalid
// addresses share one key.
func SourceKey(source netip.Addr) string {
	source = source.Unmap().WithZone("")
	if source.Is6() {
		network, err := source.Prefix(64)
		if err == nil {
			return network.Addr().String()
		}
	}
	return source.String()
}

// maxPresentedKey is longer than any client id this server gives out.
const maxPresentedKey = 64

// shorten bounds a key that the caller made up, so that memory is bounded in bytes
// and not only in keys.
func shorten(s string) string {
	if len(s) <= maxPresentedKey {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}
