package models

import "time"

// ClientStanding is an OAuth client together with its owner's standing: all that
// decides whether it may act at this moment.
type ClientStanding struct {
	Client         OAuthClient
	PartnerKind    PartnerKind // of the owning partner; empty for other owners
	OwnerSuspended bool        // the partner or tenant behind the client is suspended
}

// MayAct reports whether the client is active, not past its expiry at now, and
// not stopped through its owner.
func (s ClientStanding) MayAct(now time.Time) bool {
	expired := s.Client.ExpiresAt != nil && !now.Before(*s.Client.ExpiresAt)
	return s.Client.State == ClientActive && !s.OwnerSuspended && !expired
}
