package consent

import (
	"time"

	"countersign/models"
)

// Actor is who changes or reads something, as the edge authenticated it.
type Actor struct {
	Kind        models.ActorKind
	ID          string // client id, person id, or the operator's name
	PartnerID   models.PartnerID
	TenantID    models.TenantID
	HTTPRequest string    // request id of the call, to find it in the log
	Person      *Evidence // how a person proved who it is; nil for a client
}

// Evidence is what the tenant's provider said of a person who decides, taken from
// the ID token of the sign-in (OpenID Connect Core 1.0 section 2). It is frozen
// with the decision.
type Evidence struct {
	ID       models.PersonID
	Name     string // as shown; proves nothing
	Issuer   string // iss; with Subject the person's identity
	Subject  string // sub
	ACR      string // acr; empty if not stated
	AMR      []string
	AuthTime time.Time // auth_time: when the person last proved it to the provider
	// Stale says that the sign-in is not enough for a yes whatever its time, as one with a
	// single factor where the tenant wants more.
	Stale bool
	Role  models.PersonRole
}

// NewRequest is what a partner asks of a tenant.
type NewRequest struct {
	// Amends asks to change this grant instead of for a new one: what is left out stays
	// as it is, 0 devices and an empty list ask to lift a limit, and Tenant is the
	// grant's.
	Amends     models.GrantID
	Tenant     string     // tenant id (GUID) or verified domain; it may name nobody
	Purpose    string     // why, in the partner's words; required
	Reference  string     // order or contract reference; may be empty
	Scopes     []string   // grant scopes, at least one
	Limits     Limits     // a nil limit asks for none
	GrantUntil *time.Time // until when the grant is to last; nil means one year
	ExpiresAt  *time.Time // until when the question stands, at most 90 days; nil means 30 days
	LinkUntil  *time.Time // until when the link opens it; nil means 7 days
}

// Terms are what a tenant grants. They may only narrow the request; a nil
// field takes what was asked.
type Terms struct {
	Scopes    []string
	Limits    Limits
	ExpiresAt *time.Time
	Shown     Reading // what the person read; the zero value for a client
}

// Revocation answers a revoke.
type Revocation struct {
	Grant models.Grant
	// Done reports that the core acknowledged: no registration under the
	// grant commits after Moment. Otherwise nothing new is accepted, and the
	// core can still execute what was under way until NothingAfter.
	Done         bool
	Moment       time.Time // set when Done; database clock, after the core's acknowledgement
	NothingAfter time.Time // always set; by construction of NotAfter, whatever the core does
	// Last is the last device let through, known when Done; all nil when there was
	// none, and without a LastReader.
	Last models.LastDevice
}

// Kind tells the two halves of a consent apart.
type Kind string

// The kinds.
const (
	KindRequest Kind = "request"
	KindGrant   Kind = "grant"
)

// Consent is a request or a grant as a caller may see it. A granted request is
// shown as its grant.
type Consent struct {
	Kind        Kind
	Request     *models.ConsentRequest // the request, or the one behind the grant; nil if the grant had none
	Grant       *models.Grant          // nil for a request
	Root        *models.Grant          // of a derived grant: the one whose limits and counters count
	PartnerName string
	TenantName  string // empty for a request read by a partner: existence is not told
}

// Filter narrows a list. Viewer decides what can be seen at all.
type Filter struct {
	Viewer    Actor
	PartnerID models.PartnerID // a tenant's or operator's narrowing; ignored for a partner
	TenantID  models.TenantID  // a partner's or operator's narrowing; ignored for a tenant
	State     string           // a state of requests or grants; empty means all
	Cursor    string           // from the page before; empty starts
	Limit     int              // items; 0 means DefaultPage
}

// Sizes of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Customer is a tenant that has agreed: it has an active, unexpired grant to the
// partner that asks.
type Customer struct {
	ID     models.TenantID
	Name   string
	Domain string // the domain verified first; empty if none
}
