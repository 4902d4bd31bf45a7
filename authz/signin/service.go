package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// Outside reaches providers. Their addresses are chosen by tenants.
type Outside interface {
	// HTTP is a client that keeps to public addresses, follows no redirect and
	// bounds every answer.
	HTTP() *http.Client
	// CheckURL says what is wrong with an address before it is stored.
	CheckURL(raw string) error
}

// Sealer keeps secrets of tenants.
type Sealer interface {
	Seal(secret, place string) []byte
	Open(sealed []byte, place string) (string, error)
	// Derive makes 256 bits of a text that nobody else can foresee.
	Derive(purpose, text string) string
}

// Signer signs with the server's own key (private_key_jwt).
type Signer interface {
	Sign(typ string, claims any) (string, error)
}

// Rights is what clients of a tenant may do in its name.
type Rights interface {
	// EndRightsTx takes the rights that operators gave to clients of the tenant
	// (to decide over consent, to manage the tenant) and returns whose. The caller
	// holds the tenant's gate exclusively.
	EndRightsTx(ctx context.Context, tx *db.Tx, tenant models.TenantID) ([]models.ClientID, error)
	// CheckFederation looks at whose tokens a client is to prove itself by.
	CheckFederation(ctx context.Context, f models.Federation) error
	// NewClientTx makes a client of the tenant and returns its secret, this once.
	NewClientTx(ctx context.Context, tx *db.Tx, tenant models.TenantID, in models.NewTenantClient) (models.OAuthClient, string, error)
	// TakeRightTx takes a scope away.
	TakeRightTx(ctx context.Context, tx *db.Tx, tenant models.TenantID, client models.ClientID, scope string) error
}

// Shared is a provider for many organisations, each with an issuer of its own that
// holds the organisation's GUID, such as Entra ID. Its word proves that GUID, and a
// tenant whose id is one can sign in with the operator's own registration there. The
// zero value has none.
type Shared struct {
	Issuer       string // with {tid} where the GUID stands, e.g. https://login.microsoftonline.com/{tid}/v2.0
	ClientID     string // empty: the issuer proves ids, but nobody signs in without settings of their own
	ClientSecret string
	RoleClaim    string
	AdminValues  []string
	// ApproverValues are the values that make an approver.
	ApproverValues []string
	RequireMFA     bool
	ACRValues      []string
	AMRValues      []string
}

// Deps is what a Service is made of. Everything up to PortalURL is required.
type Deps struct {
	DB        *db.DB
	Outside   Outside
	Sealer    Sealer
	Signer    Signer
	Rights    Rights
	NewID     func() string // lower-case GUID text, ascending
	PortalURL string        // address of the pages, without trailing slash
	Shared    Shared
	Logger    *slog.Logger     // nil discards
	Now       func() time.Time // the process's clock, for what is remembered of providers; nil takes time.Now
}

// Service signs people in. It is safe for concurrent use; several replicas may run on
// one database.
type Service struct {
	deps      Deps
	log       *slog.Logger
	providers *providers
}

// New refuses to be made of incomplete parts.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Outside == nil || d.Sealer == nil || d.Signer == nil || d.Rights == nil || d.NewID == nil {
		return nil, errors.New("signin: a service needs all of its parts")
	}
	if u, err := url.Parse(d.PortalURL); err != nil || u.Host == "" || strings.HasSuffix(d.PortalURL, "/") {
		return nil, errors.New("signin: the portal's address must be absolute and without a slash at the end")
	}
	if d.Shared.Issuer != "" && strings.Count(d.Shared.Issuer, tidMark) != 1 {
		return nil, errors.New("signin: the shared issuer must hold {tid} once, where an organisation's id stands")
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{deps: d, log: d.Logger, providers: newProviders(d.Outside, d.Now)}, nil
}

// tidMark stands for an organisation's GUID in the shared issuer.
const tidMark = "{tid}"

// issuerFor is the issuer of one organisation; empty without a shared one.
func (s Shared) issuerFor(tenant models.TenantID) string {
	return strings.Replace(s.Issuer, tidMark, string(tenant), 1)
}

// settings makes the settings of an organisation that uses the operator's registration.
func (s Shared) settings(tenant models.TenantID) (models.TenantSignIn, bool) {
	if s.Issuer == "" || s.ClientID == "" {
		return models.TenantSignIn{}, false
	}
	return models.TenantSignIn{
		TenantID: tenant, Issuer: s.issuerFor(tenant), ClientID: s.ClientID, AuthMethod: models.ProviderBasic,
		RoleClaim: s.RoleClaim, AdminValues: joinList(s.AdminValues), ApproverValues: joinList(s.ApproverValues),
		RequireMFA: s.RequireMFA, ACRValues: joinList(s.ACRValues), AMRValues: joinList(s.AMRValues), SetBy: models.ActorOperator,
	}, true
}

func joinList(values []string) string { return strings.Join(values, "\n") }

func splitList(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// inTx runs fn in a transaction with the rows of this package and the database's clock.
func (s *Service) inTx(ctx context.Context, fn func(ctx context.Context, t change) error) error {
	return stored(s.deps.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return fn(ctx, change{rows: rows{tx.Gorm().WithContext(ctx)}, tx: tx, now: now})
	}))
}

// read gives the rows of this package for plain reads.
func (s *Service) read(ctx context.Context) rows { return rows{s.deps.DB.Read().WithContext(ctx)} }

// change is one open transaction.
type change struct {
	rows
	tx  *db.Tx
	now time.Time
}

// hold takes the tenant's gate exclusively and returns the tenant as it is under it.
// Whoever speaks for a tenant is decided under its gate, so that an operator's last
// change and the first admin never pass each other.
func (t change) hold(ctx context.Context, id models.TenantID) (models.Tenant, error) {
	tenant, found, err := t.tenant(id)
	if err != nil || !found {
		return models.Tenant{}, errors.Join(err, missing(found, ErrTenantUnknown))
	}
	if err := t.tx.Gate(ctx, db.Lock{Class: models.GateClass, ID: tenant.Gate, Exclusive: true}); err != nil {
		return models.Tenant{}, err
	}
	tenant, _, err = t.tenant(id)
	return tenant, err
}

func missing(found bool, err error) error {
	if found {
		return nil
	}
	return err
}

// secretBytes is the size of every reference made here: 256 bits.
const secretBytes = 32

func newSecret() string {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // crypto/rand.Read never fails
	return base64.RawURLEncoding.EncodeToString(random)
}

// digest is what is stored of a reference. It has 256 bits of its own, so a plain hash
// is enough. What cannot be one of ours has none.
func digest(secret string) []byte {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(secret)
	if err != nil || len(raw) != secretBytes {
		return nil
	}
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// Sweep deletes sign-ins that nobody finished and sessions that have ended.
func (s *Service) Sweep(ctx context.Context) error {
	return s.inTx(ctx, func(_ context.Context, t change) error { return t.sweep(t.now, t.now.Add(-SessionIdle)) })
}
