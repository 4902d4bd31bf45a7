package portal

import (
	"context"
	"net/netip"
	"time"

	"countersign/authz/signin"
	"countersign/consent"
	"countersign/internal/ledger"
	"countersign/models"
	"countersign/partners"
	"countersign/registration"
)

// What the pages need of their neighbours. Errors are errs.Errors whose word may be
// shown; anything else is answered as an internal error. Every method is within the
// tenant of its actor.

// SignIn is the sign-in by OpenID Connect with the tenant's own provider.
type SignIn interface {
	Begin(ctx context.Context, start signin.Start) (signin.Redirect, error)
	Complete(ctx context.Context, back signin.Return) (signin.Welcome, error)
	// Session reads a session; errs.Unauthenticated when there is none any more.
	Session(ctx context.Context, cookie string) (signin.Session, error)
	End(ctx context.Context, cookie string) error
}

// Setup is how the people of a tenant sign in, and who they are.
type Setup interface {
	People(ctx context.Context, tenant models.TenantID, page signin.Page) ([]models.Person, string, error)
	SetRole(ctx context.Context, by signin.By, tenant models.TenantID, id models.PersonID, role models.PersonRole) (models.Person, error)
	Disable(ctx context.Context, by signin.By, tenant models.TenantID, id models.PersonID) (models.Person, error)
	Enable(ctx context.Context, by signin.By, tenant models.TenantID, id models.PersonID) (models.Person, error)
	SignIn(ctx context.Context, tenant models.TenantID) (signin.Settings, error)
	SetSignIn(ctx context.Context, by signin.By, tenant models.TenantID, in signin.Settings) (signin.Settings, error)
	SetUp(ctx context.Context, invitation string, in signin.Settings) (signin.Settings, error)
	// NewClient makes a client of the tenant and returns its secret, this once.
	NewClient(ctx context.Context, by signin.By, tenant models.TenantID, in models.NewTenantClient) (models.OAuthClient, string, error)
	// TakeRight takes from a client what lets it speak for the tenant.
	TakeRight(ctx context.Context, by signin.By, tenant models.TenantID, client models.ClientID, scope string) error
}

// Clients lists OAuth clients. The pages ask for those of the person's own tenant.
type Clients interface {
	Clients(ctx context.Context, filter partners.ClientFilter) ([]models.OAuthClient, string, error)
}

// Consents shows requests and grants.
type Consents interface {
	List(ctx context.Context, f consent.Filter) (items []consent.Consent, next string, err error)
	Get(ctx context.Context, actor consent.Actor, id string) (consent.Consent, error)
	History(ctx context.Context, actor consent.Actor, id string) ([]models.ConsentEvent, error)
	// Asked and Offered are what a yes promises, and to whom else.
	Asked(ctx context.Context, actor consent.Actor, request models.ConsentRequest) (consent.Promise, error)
	Offered(ctx context.Context, actor consent.Actor, partner models.PartnerID) (consent.Promise, error)
}

// Decider answers requests.
type Decider interface {
	Grant(ctx context.Context, actor consent.Actor, id models.RequestID, terms consent.Terms) (models.Grant, error)
	Decline(ctx context.Context, actor consent.Actor, id models.RequestID, reason string) (models.ConsentRequest, error)
	Give(ctx context.Context, actor consent.Actor, gift consent.Gift) (models.Grant, error)
}

// Changer changes grants.
type Changer interface {
	Revoke(ctx context.Context, actor consent.Actor, id models.GrantID, reason string) (consent.Revocation, error)
	// RevokeAll ends all grants, or those of one partner; consent.ErrCount when they are
	// not as many as expected.
	RevokeAll(ctx context.Context, actor consent.Actor, partner models.PartnerID, expected int, reason string) ([]consent.Revocation, error)
	Suspend(ctx context.Context, actor consent.Actor, id models.GrantID, reason string) (models.Grant, error)
	Resume(ctx context.Context, actor consent.Actor, id models.GrantID, reason string) (models.Grant, error)
	Amend(ctx context.Context, actor consent.Actor, id models.GrantID, a consent.Amendment) (models.Grant, error)
	Renew(ctx context.Context, actor consent.Actor, id models.GrantID, until *time.Time, shown consent.Reading) (models.Grant, error)
	// PreviewEnd says what Revoke would do, and does nothing.
	PreviewEnd(ctx context.Context, actor consent.Actor, id models.GrantID) (consent.Consequences, error)
}

// Receipts shows a change of a request or grant as it is signed; by its number in the
// tenant's own chain, 0 for the last.
type Receipts interface {
	Receipt(ctx context.Context, actor consent.Actor, id string, seq int64) (consent.Receipt, error)
}

// DomainList is what a tenant has and is proving.
type DomainList struct {
	Domains    []models.TenantDomain
	Challenges []models.DomainChallenge
}

// Domains is the proof that domains are the tenant's.
type Domains interface {
	DomainsOf(ctx context.Context, tenant models.TenantID) (DomainList, error)
	ChallengeDomain(ctx context.Context, tenant models.TenantID, domain string) (models.DomainChallenge, error)
	VerifyDomain(ctx context.Context, tenant models.TenantID, domain string) (models.TenantDomain, error)
	ReleaseDomain(ctx context.Context, tenant models.TenantID, domain string) error
}

// Directory knows who partners and tenants are.
type Directory interface {
	Tenant(ctx context.Context, id models.TenantID) (partners.Tenant, error)
	Partner(ctx context.Context, id models.PartnerID) (models.Partner, error)
	PartnerNamed(ctx context.Context, ref string) (id models.PartnerID, ok bool, err error)
}

// Devices shows the registrations of the tenant.
type Devices interface {
	Devices(ctx context.Context, scope registration.Scope, filter registration.Filter, page registration.Page) ([]registration.Device, string, error)
	Device(ctx context.Context, scope registration.Scope, id models.DeviceID) (registration.Device, error)
}

// Remover removes devices of the tenant in a person's name.
type Remover interface {
	RemoveDevice(ctx context.Context, actor consent.Actor, device registration.Device) error
}

// Ledger reads what happened. The pages ask for the chain of the person's own tenant and
// for no other.
type Ledger interface {
	End(ctx context.Context, chain string) (int64, error)
	Page(ctx context.Context, chain string, after int64, limit int) ([]ledger.Item, error)
}

// Links finds the request behind a link; consent.ErrLink for every link that this tenant
// cannot use, whatever the reason. It changes nothing.
type Links interface {
	RequestByLink(ctx context.Context, actor consent.Actor, secret string) (consent.Consent, error)
}

// Blocks keeps partners from asking.
type Blocks interface {
	Block(ctx context.Context, actor consent.Actor, partner models.PartnerID, how consent.Blocking) (consent.Block, error)
	Unblock(ctx context.Context, actor consent.Actor, partner models.PartnerID) error
	Blocked(ctx context.Context, actor consent.Actor) ([]consent.Block, error)
}

// Guesses slows down who tries what can be guessed, by source and altogether: an error is
// errs.RateLimited. What is tried is one of the Try words.
type Guesses interface {
	Guess(ctx context.Context, what string, source netip.Addr) error
}

// What can be tried.
const (
	TryLink   = "link"    // the secret of a request's link
	TrySignIn = "sign-in" // whose people somebody is
	TrySetUp  = "set-up"  // the secret of a set-up invitation
)
