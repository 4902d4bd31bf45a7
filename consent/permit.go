package consent

import (
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// Ask names who wants to do what in which tenant.
type Ask struct {
	Partner models.PartnerID // empty when a tenant asks for itself
	Client  models.ClientID
	Tenant  models.TenantID // as the caller named it; it may be nobody's; empty for a factory's report
	Scope   string          // a grant scope, ScopeFactoryReport or ScopeOwnDevices
	Grant   models.GrantID  // the one the caller named; empty takes its own, else the only derived one
	Seen    *Permit         // of an earlier Check of the same ask; may be nil
}

// Permit says that the gate was open, and under which epochs.
type Permit struct {
	Grant     models.GrantID        // empty for an ask that needs none
	Root      models.GrantID        // whose limits and counters count: the grant, or the one it rests on
	Epoch     int64                 // of the grant
	Version   int64                 // of the root's terms, from 1; 1 without a grant
	Recount   int64                 // the version that lowered the device limit last: what was let through under an older one is counted again
	Epochs    []models.SubjectEpoch // partner, client, tenant, grant, in this order, as far as the ask is about them; then what a derived grant rests on
	ExpiresAt time.Time             // of the grant; zero without one
	Now       time.Time             // the database's clock when the state was read
	Left      *int64                // devices the limit still leaves; nil means no limit
	Limits    Limits                // of the root

	locks []db.Lock // the gate of all this, which never changes
}

// derived reports whether the grant rests on another one.
func (p Permit) derived() bool { return p.Root != "" && p.Root != p.Grant }

// root is where the counters stand.
func (p Permit) root() models.GrantID {
	if p.Root == "" {
		return p.Grant
	}
	return p.Root
}

// NotAfter is until when the core may still execute work let through by this
// permit: the grant's expiry, at most NotAfterBound from the reading.
func (p Permit) NotAfter() time.Time {
	bound := p.Now.Add(NotAfterBound)
	if !p.ExpiresAt.IsZero() && p.ExpiresAt.Before(bound) {
		return p.ExpiresAt
	}
	return bound
}

// The bounds behind a revocation that the core has not acknowledged yet.
const (
	NotAfterBound = 30 * time.Second // how long work may reach the core after its claim
	ClockSkew     = 5 * time.Second  // how far the core's clock may differ from the gateway's
)

// Verdict is how a grant stands for work that was accepted under it.
type Verdict string

// The verdicts.
const (
	VerdictActive Verdict = "active" // go on, under Permit
	VerdictHeld   Verdict = "held"   // wait: something is suspended and may come back
	VerdictEnded  Verdict = "ended"  // never: the grant is over
)

// Reasons of a Standing that is held or ended.
const (
	ReasonRevoked          = "revoked"
	ReasonExpired          = "expired"
	ReasonScope            = "scope_missing"
	ReasonUnknown          = "unknown" // no such grant of this partner and tenant
	ReasonSuspended        = "suspended"
	ReasonPartnerSuspended = "partner_suspended"
	ReasonClientFrozen     = "client_frozen"
	ReasonTenantSuspended  = "tenant_suspended"
)

// Standing answers a claim. Permit carries the present epochs whatever the
// verdict, unless the grant is unknown; only an active one may be acted on.
type Standing struct {
	Verdict Verdict
	Permit  Permit
	Reason  string // empty when active
}
