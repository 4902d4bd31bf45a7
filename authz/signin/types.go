package signin

import (
	"time"

	"countersign/models"
)

// CallbackPath is where providers send people back, below the portal's address.
const CallbackPath = "/portal/sign-in/return"

// SetUpPath is the path of the link of a set-up invitation, before its secret.
const SetUpPath = "/portal/set-up/"

// How long things last. Every one is judged by the database's clock.
const (
	AttemptLife    = 10 * time.Minute // from the way to the provider to the way back
	SessionIdle    = 15 * time.Minute // without a call
	SessionLife    = 8 * time.Hour    // whatever happens
	FreshFor       = 10 * time.Minute // after the person proved itself: what is decided counts as its own
	InvitationLife = 7 * 24 * time.Hour
)

// Start is a wish to sign in, or, within a session, to prove oneself afresh. The
// tenant is named by its id or by a domain, or follows from the invitation or the
// session.
type Start struct {
	Tenant     models.TenantID
	Domain     string
	ReturnTo   string // a path of ours to come back to; anything else is taken for the start page
	StepUp     bool   // prove afresh, with more than one factor where the tenant wants it
	Session    string // cookie of the session, for a step-up
	Invitation string // secret of the tenant's set-up invitation; may be empty
}

// Redirect is where to send the browser. The cookie binds what comes back to it: it
// lives AttemptLife and is sent with top-level navigation (SameSite=Lax), because
// the answer comes from another site.
type Redirect struct {
	URL    string
	Cookie string
}

// Return is what the browser brings back from the provider: parameters of the
// address (RFC 6749 section 4.1.2, RFC 9207) and the cookie of the Redirect.
type Return struct {
	Code   string
	State  string
	Issuer string // parameter iss
	Error  string // parameter error
	Cookie string
	// Session is the cookie of the session that this browser has, if any. It ends when
	// the new one begins.
	Session string
}

// Welcome is a new session. Any older one of the same sign-in or step-up is dead.
type Welcome struct {
	Cookie   string
	ReturnTo string // one of our own paths
}

// Session is a signed-in person as of this moment.
type Session struct {
	Person   models.Person // with the role it has now
	Tenant   models.Tenant
	ACR      string
	AMR      []string
	AuthTime time.Time // zero when the provider did not say
	CSRF     string    // what every form of this session carries
	// Fresh reports that the person proved itself within FreshFor, with more than
	// one factor where the tenant wants that. Without it a decision needs a step-up.
	Fresh bool
}

// Settings is how people of a tenant sign in, as it is set and shown. The secret
// goes in and never comes out.
type Settings struct {
	Issuer         string
	ClientID       string
	AuthMethod     models.ProviderAuth
	ClientSecret   string   // empty keeps the stored one
	RoleClaim      string   // path of the claim with the roles, e.g. roles or realm_access.roles; empty maps nothing
	AdminValues    []string // values of that claim that make an admin
	ApproverValues []string // values that make an approver
	RequireMFA     bool
	ACRValues      []string // any of them in acr or acrs means more than one factor
	AMRValues      []string // any of them in amr means more than one factor
	Version        int64    // of what was read; a change of something newer is refused. 0 changes whatever is there

	// Shown, never set.
	SetBy   models.ActorKind
	SetByID string
	SetAt   time.Time
}

// Invitation is a set-up invitation. The secret is shown once.
type Invitation struct {
	ID        string
	TenantID  models.TenantID
	Secret    string
	ExpiresAt time.Time
}

// By is who changes something of a tenant: an operator, a client of the tenant
// with the scope tenant.manage, a person in a session, or the holder of the
// set-up invitation.
type By struct {
	Kind      models.ActorKind // operator or customer
	ID        string           // client id, person id, or the operator's name
	RequestID string           // of the call, to find it in the log
	Session   *Session         // of a person; nil for anybody else

	invitation string // id of the set-up invitation that somebody holds
}

// Page is one part of a list.
type Page struct {
	Cursor string // from the page before; empty starts
	Limit  int    // items; 0 means 100, 1000 at most
}
