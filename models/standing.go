package models

import (
	"bytes"
	"slices"
	"time"
)

// ClientStanding is an OAuth client together with its owner's standing: all that
// decides whether it may act at this moment.
type ClientStanding struct {
	Client         OAuthClient
	PartnerKind    PartnerKind // of the owning partner; empty for other owners
	OwnerSuspended bool        // the partner or tenant behind the client is suspended
	RevokedTokens  [][]byte    // digests of the ids of its access tokens that were revoked and have not expired
}

// Revoked reports whether the token with this digest of its id was revoked.
func (s ClientStanding) Revoked(digest []byte) bool {
	return slices.ContainsFunc(s.RevokedTokens, func(d []byte) bool { return bytes.Equal(d, digest) })
}

// MayAct reports whether the client is active, not past its expiry at now, and
// not stopped through its owner.
func (s ClientStanding) MayAct(now time.Time) bool {
	expired := s.Client.ExpiresAt != nil && !now.Before(*s.Client.ExpiresAt)
	return s.Client.State == ClientActive && !s.OwnerSuspended && !expired
}
