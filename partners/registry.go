package partners

import (
	"context"
	"errors"
	"net"
	"time"

	"countersign/internal/db"
	"countersign/internal/recent"
	"countersign/models"
)

// FenceQueue makes the core refuse work that was let through before a stop.
type FenceQueue interface {
	// EnqueueFenceTx asks, in the caller's transaction, that the core refuse
	// work whose epoch of the subject is below minEpoch. The caller holds the
	// subject's gate exclusively.
	EnqueueFenceTx(ctx context.Context, tx *db.Tx, kind models.SubjectKind, id string, minEpoch int64) error
}

// SecretMaker makes client secrets. Only the digest is stored.
type SecretMaker interface {
	NewSecret() (secret string, digest []byte)
}

// Deps is what a Registry is made of; all of it but DNS is required.
type Deps struct {
	DB      *db.DB
	Fences  FenceQueue
	Secrets SecretMaker
	// CheckKeySetFunc reads a client's public keys (RFC 7517) and returns them
	// in the form to store, or an error that may be shown to who sent them.
	CheckKeySetFunc func(jwks string) (string, error)
	// CheckKeyAddressFunc looks at the address where a client publishes its public keys, and
	// at what is there.
	CheckKeyAddressFunc func(ctx context.Context, address string) error
	// CheckFederationFunc looks at whose tokens a tenant's client is to prove itself by, and at
	// where their keys are published.
	CheckFederationFunc func(ctx context.Context, f models.Federation) error
	// CheckCertificatesFunc does the same with a client's certificates in PEM, and returns them
	// as a key set.
	CheckCertificatesFunc func(text string) (string, error)
	// CheckSubjectFunc returns the form to store of a certificate's name.
	CheckSubjectFunc func(subject string) (string, error)
	// ScopesFunc lists the scopes a client of this kind of owner can be given.
	ScopesFunc func(models.OwnerKind) []string
	NewID      func() string    // lower-case GUID text, ascending
	Now        func() time.Time // the process's clock, for reads only
	DNS        Resolver         // for proofs of domains; nil takes the system's
}

// Registry is the register. It is safe for concurrent use.
type Registry struct {
	deps  Deps
	used  *throttle[models.ClientID]
	noted *throttle[models.ClientSource]
	notes chan models.ClientSource // that wait to be written

	// What every request asks. A change made here counts at once, one made by another
	// replica within a second.
	standings *recent.Cache[models.ClientID, models.ClientStanding]
	budgets   *recent.Cache[models.PartnerID, Budgets]
}

// What is remembered of what every request asks, and for how long.
const (
	rememberFor = time.Second
	remembered  = 10_000
)

// New refuses to be made of incomplete parts.
func New(deps Deps) (*Registry, error) {
	incomplete := deps.DB == nil || deps.Fences == nil || deps.Secrets == nil || deps.CheckKeySetFunc == nil ||
		deps.CheckKeyAddressFunc == nil || deps.CheckFederationFunc == nil || deps.CheckCertificatesFunc == nil || deps.CheckSubjectFunc == nil ||
		deps.ScopesFunc == nil || deps.NewID == nil || deps.Now == nil
	if incomplete {
		return nil, errors.New("partners: a registry needs all of its parts")
	}
	if deps.DNS == nil {
		deps.DNS = net.DefaultResolver
	}
	return &Registry{
		deps: deps, used: newThrottle[models.ClientID](markEvery), noted: newThrottle[models.ClientSource](noteEvery), notes: make(chan models.ClientSource, notesWaiting),
		standings: recent.New[models.ClientID, models.ClientStanding](rememberFor, remembered, deps.Now),
		budgets:   recent.New[models.PartnerID, Budgets](rememberFor, remembered, deps.Now),
	}, nil
}

// inTx runs fn in a transaction, with the rows of this package and the
// database's clock at hand.
func (r *Registry) inTx(ctx context.Context, fn func(ctx context.Context, t change) error) error {
	err := r.deps.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return fn(ctx, change{rows: rows{tx.Gorm().WithContext(ctx)}, tx: tx, now: now})
	})
	r.forget()
	return stored(err)
}

// forget makes the next request ask anew.
func (r *Registry) forget() {
	r.standings.Clear()
	r.budgets.Clear()
}

// read gives the rows of this package for plain reads.
func (r *Registry) read(ctx context.Context) rows { return rows{r.deps.DB.Read().WithContext(ctx)} }

// change is one open transaction.
type change struct {
	rows
	tx  *db.Tx
	now time.Time
}
