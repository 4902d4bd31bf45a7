package gateway

import (
	"context"
	"io"
	"iter"
	"net/netip"
	"time"

	"countersign/authz"
	"countersign/consent"
	"countersign/gateway/files"
	"countersign/gateway/intake"
	"countersign/gateway/ratelimit"
	"countersign/internal/ledger"
	"countersign/models"
	"countersign/registration"
)

// What the edge needs of its neighbours. Their errors are errs.Errors that may be
// shown; anything else is answered as an internal error.

// Verifier reads access tokens.
type Verifier interface {
	// Verify returns who is calling; a token, or a proof, that is not accepted is
	// Unauthenticated.
	Verify(ctx context.Context, in authz.Presentation) (authz.Principal, error)
	// Recheck is Verify for a call that lasts: the proof was used up when it began.
	Recheck(ctx context.Context, token string) error
}

// Nonces are what proofs of possession can be asked to carry.
type Nonces interface {
	// Current is the nonce to hand out at a moment.
	Current(now time.Time) string
}

// TokenEndpoint issues access tokens.
type TokenEndpoint interface {
	// Exchange authenticates a client; its refusals are *authz.OAuthError.
	Exchange(ctx context.Context, req authz.TokenRequest) (authz.TokenResponse, error)
	// Revoke ends a token of the caller's; its refusals are *authz.OAuthError.
	Revoke(ctx context.Context, req authz.TokenRequest) error
	// Introspect tells about a token; its refusals are *authz.OAuthError.
	Introspect(ctx context.Context, req authz.TokenRequest) (authz.TokenStatus, error)
}

// Throttle spends request budgets. A refusal is a Decision; an error means that the
// budgets could not be read.
type Throttle interface {
	// Request charges one call to the client.
	Request(ctx context.Context, p authz.Principal) (ratelimit.Decision, error)
	// Standing tells where the budgets of a caller stand, and spends nothing: its
	// requests, a partner's devices, and with a tenant the part for it.
	Standing(ctx context.Context, p authz.Principal, tenant models.TenantID) (ratelimit.Decision, error)
	// TokenRequest charges one call of the token endpoint to its source.
	TokenRequest(ctx context.Context, source netip.Addr) (ratelimit.Decision, error)
	// SecretAttempt charges one attempt to present a client's secret, before it is
	// looked at.
	SecretAttempt(ctx context.Context, client models.ClientID, source netip.Addr) (ratelimit.Decision, error)
	// SecretProven gives back the charge of an attempt that was no wrong guess.
	SecretProven(ctx context.Context, attempt ratelimit.Decision) error
}

// Intake accepts uploads.
type Intake interface {
	Accept(ctx context.Context, call intake.Call, src intake.Source) (intake.Accepted, error)
	// Early refuses what can be refused before devices come.
	Early(ctx context.Context, call intake.Call) error
	// Foresee says what Accept would do, and changes nothing.
	Foresee(ctx context.Context, call intake.Call, src intake.Source, each func(intake.RowStatus) error) (intake.Foreseen, error)
	Report(ctx context.Context, call intake.Call, src intake.ReportSource) (intake.Accepted, error)
	Remove(ctx context.Context, call intake.Call, batch string, device models.DeviceID) (intake.Accepted, error)
	RemoveDevice(ctx context.Context, call intake.Call, device intake.Registered) (intake.Accepted, error)
	// Void takes back what an upload registered.
	Void(ctx context.Context, call intake.Call, of intake.UploadStatus, devices iter.Seq2[intake.Leaving, error], expected int) (intake.Accepted, error)
	Replace(ctx context.Context, call intake.Call, device intake.Registered, row intake.Row) (intake.Accepted, error)
}

// FileKeeper keeps uploads that arrive in parts.
type FileKeeper interface {
	Create(ctx context.Context, call intake.Call, media string, length int64) (models.PartialFile, error)
	File(ctx context.Context, owner files.Owner, id models.FileID) (models.PartialFile, error)
	Append(ctx context.Context, owner files.Owner, id models.FileID, offset int64, body io.Reader) (models.PartialFile, error)
	Whole(ctx context.Context, f models.PartialFile) (intake.Call, io.Reader, error)
	Became(ctx context.Context, f models.PartialFile, a intake.Accepted) error
	Remove(ctx context.Context, owner files.Owner, id models.FileID) error
}

// UploadReader answers what became of uploads.
type UploadReader interface {
	BatchJobStatus(ctx context.Context, scope intake.Scope, tracking models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error)
	UploadRows(ctx context.Context, scope intake.Scope, tracking models.TrackingID, filter intake.RowFilter, page intake.Page) ([]intake.RowStatus, string, error)
	Uploads(ctx context.Context, scope intake.Scope, filter intake.UploadFilter, page intake.Page) ([]intake.UploadStatus, string, error)
}

// DeviceReader finds devices and tells their history. Each answer is within the scope;
// what lies outside is registration.ErrNoDevice, like what does not exist.
type DeviceReader interface {
	Devices(ctx context.Context, scope registration.Scope, filter registration.Filter, page registration.Page) ([]registration.Device, string, error)
	Device(ctx context.Context, scope registration.Scope, id models.DeviceID) (registration.Device, error)
	History(ctx context.Context, scope registration.Scope, id models.DeviceID, page registration.Page) ([]models.DeviceEvent, string, error)
}

// Attention shows and settles conflicts, and explains verdicts. What lies outside a
// scope is registration.ErrNoCase or ErrNoDevice, like what does not exist.
type Attention interface {
	Cases(ctx context.Context, scope registration.CaseScope, filter registration.CaseFilter, page registration.Page) ([]registration.Case, string, error)
	Case(ctx context.Context, scope registration.CaseScope, id models.CaseID) (registration.Case, error)
	Settle(ctx context.Context, settling models.Settling) (registration.Case, error)
	Explain(ctx context.Context, scope registration.Scope, id models.DeviceID, page registration.Page) ([]registration.Explanation, string, error)
}

// Permits lets those through who act in their own name, under no grant.
type Permits interface {
	Epochs(ctx context.Context, who consent.Acting) (consent.Permit, error)
}

// BatchReader lists batches and what is in them.
type BatchReader interface {
	Batches(ctx context.Context, scope intake.Scope) iter.Seq2[models.Batch, error]
	BatchDevices(ctx context.Context, scope intake.Scope, name string, page intake.Page) ([]intake.Device, string, error)
}

// ConsentReader shows requests and grants.
type ConsentReader interface {
	List(ctx context.Context, f consent.Filter) (items []consent.Consent, next string, err error)
	Get(ctx context.Context, actor consent.Actor, id string) (consent.Consent, error)
	History(ctx context.Context, actor consent.Actor, id string) ([]models.ConsentEvent, error)
}

// Proofs gives the two sides what proves a consent.
type Proofs interface {
	Receipt(ctx context.Context, actor consent.Actor, id string, seq int64) (consent.Receipt, error)
	Places(ctx context.Context, actor consent.Actor, events []models.ConsentEvent) (map[int64]consent.Place, error)
	BasisAt(ctx context.Context, actor consent.Actor, grant models.GrantID, at time.Time) (*consent.Basis, error)
}

// Feed reads one chain of the ledger.
type Feed interface {
	Page(ctx context.Context, chain string, after int64, limit int) ([]ledger.Item, error)
	Await(ctx context.Context, chain string, after int64) error
}

// ConsentAsker changes requests.
type ConsentAsker interface {
	Request(ctx context.Context, actor consent.Actor, ask consent.NewRequest) (consent.Asked, error)
	NewLink(ctx context.Context, actor consent.Actor, id models.RequestID, until *time.Time) (consent.Asked, error)
	Remind(ctx context.Context, actor consent.Actor, id models.RequestID) (models.ConsentRequest, error)
	Withdraw(ctx context.Context, actor consent.Actor, id models.RequestID, reason string) (models.ConsentRequest, error)
	Decline(ctx context.Context, actor consent.Actor, id models.RequestID, reason string) (models.ConsentRequest, error)
	Grant(ctx context.Context, actor consent.Actor, id models.RequestID, terms consent.Terms) (models.Grant, error)
}

// PartnerBlocker keeps the partners that tenants do not want to be asked by.
type PartnerBlocker interface {
	Block(ctx context.Context, actor consent.Actor, partner models.PartnerID, how consent.Blocking) (consent.Block, error)
	Unblock(ctx context.Context, actor consent.Actor, partner models.PartnerID) error
	Blocked(ctx context.Context, actor consent.Actor) ([]consent.Block, error)
}

// GrantChanger changes grants.
type GrantChanger interface {
	Revoke(ctx context.Context, actor consent.Actor, id models.GrantID, reason string) (consent.Revocation, error)
	Suspend(ctx context.Context, actor consent.Actor, id models.GrantID, reason string) (models.Grant, error)
	Resume(ctx context.Context, actor consent.Actor, id models.GrantID, reason string) (models.Grant, error)
	Amend(ctx context.Context, actor consent.Actor, id models.GrantID, a consent.Amendment) (models.Grant, error)
	Versions(ctx context.Context, actor consent.Actor, id models.GrantID) ([]models.GrantVersion, error)
	PreviewEnd(ctx context.Context, actor consent.Actor, id models.GrantID) (consent.Consequences, error)
	RevokeAll(ctx context.Context, actor consent.Actor, partner models.PartnerID, expected int, reason string) ([]consent.Revocation, error)
}

// PartnerLinks keeps which provider acts for which reseller.
type PartnerLinks interface {
	MakeLink(ctx context.Context, actor consent.Actor, provider models.PartnerID) (models.PartnerLink, error)
	AcceptLink(ctx context.Context, actor consent.Actor, id models.LinkID) (models.PartnerLink, error)
	EndLink(ctx context.Context, actor consent.Actor, id models.LinkID, reason string) (models.PartnerLink, error)
	Links(ctx context.Context, actor consent.Actor, partner models.PartnerID) ([]models.PartnerLink, error)
}

// CustomerReader lists the tenants that agreed.
type CustomerReader interface {
	Customers(ctx context.Context, partner models.PartnerID, cursor string, limit int) ([]consent.Customer, string, error)
	Customer(ctx context.Context, partner models.PartnerID, tenant models.TenantID) (consent.Customer, error)
}

// Dispatches is stopped work, for operators.
type Dispatches interface {
	Stopped(ctx context.Context, after int64, limit int) ([]models.Dispatch, error)
	Restart(ctx context.Context, id int64) error
}
