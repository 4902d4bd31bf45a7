package intake

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// tidyTimeout bounds a clean-up after a refused upload.
const tidyTimeout = 30 * time.Second

// Deps are what a Service needs.
type Deps struct {
	DB      *db.DB
	Consent Consent
	Budget  Budget
	Queue   Queue
	Clock   Clock         // nil means SystemClock
	NewID   func() string // UUIDv7: tracking ids and lease owners
	Logger  *slog.Logger
}

// Service accepts uploads. It is safe for concurrent use and holds nothing that must
// survive.
type Service struct {
	store   *store
	consent Consent
	budget  Budget
	queue   Queue
	clock   Clock
	newID   func() string
	log     *slog.Logger
}

// New makes a Service.
func New(d Deps) *Service {
	if d.Clock == nil {
		d.Clock = SystemClock{}
	}
	return &Service{
		store: &store{db: d.DB}, consent: d.Consent, budget: d.Budget, queue: d.Queue,
		clock: d.Clock, newID: d.NewID, log: d.Logger,
	}
}

// Accept takes an upload, or says why not. A sound container with at least one device
// is accepted whatever its rows hold; what is wrong with a row is that row's outcome.
//
// Refusals are errs.Errors: those of the Source, of Consent and of Budget as they are,
// and the Err variables of this package. After a refusal nothing is stored and the
// budget is untouched; after ErrOutcomeUnknown a repeat with the same key is safe.
func (s *Service) Accept(ctx context.Context, call Call, src Source) (Accepted, error) {
	accepted, err := s.once(ctx, call, src.Digest, func(ctx context.Context, l *lease) (Accepted, error) {
		return s.accept(ctx, call, src, l)
	})
	return accepted, surface(err)
}

func (s *Service) accept(ctx context.Context, call Call, src Source, l *lease) (Accepted, error) {
	cl, err := s.begin(ctx, call, models.UploadRegister)
	if err != nil {
		return Accepted{}, err
	}
	cl.lease = l
	col := &collector{store: s.store, max: call.MaxRows, upload: cl.upload, rules: rules{
		kind: call.PartnerKind, defaults: cl.call.Defaults, seen: seen{},
	}}
	if col.max == 0 {
		col.max = DefaultMaxRows
	}
	accepted, err := s.collectAndClose(ctx, cl, col, src)
	if err != nil && col.staged() && !errors.Is(err, ErrOutcomeUnknown) {
		s.tidy(ctx, "delete the rows of a refused upload", func(ctx context.Context) error {
			return s.store.discard(ctx, col.upload)
		})
	}
	return accepted, err
}

// begin refuses early what can be refused without the body, and starts the closing.
func (s *Service) begin(ctx context.Context, call Call, kind models.UploadKind) (*closing, error) {
	cl := &closing{call: call}
	if err := checkDefaults(&cl.call.Defaults); err != nil {
		return nil, err
	}
	cl.ask = Ask{Partner: call.PartnerID, Client: call.ClientID, Tenant: call.Tenant, Scope: ScopeRegister}
	if kind == models.UploadRemove {
		cl.ask.Scope = ScopeRemove
	}
	permit, err := s.consent.Check(ctx, cl.ask)
	if err != nil {
		return nil, err
	}
	if call.Append || call.BatchName != "" {
		if err := s.earlyBatch(ctx, cl, call.BatchName); err != nil {
			return nil, err
		}
	}
	began, err := s.store.db.Now(ctx)
	if err != nil {
		return nil, err
	}
	cl.upload = models.Upload{
		TrackingID: models.TrackingID(s.newID()), Kind: kind, State: models.UploadReceiving, GrantID: permit.Grant,
		PartnerID: call.PartnerID, TenantID: call.Tenant, ClientID: call.ClientID,
		RequestID: sentence(call.Key), CorrelationID: sentence(call.CorrelationID),
		StagedOn: began.Truncate(24 * time.Hour), CreatedAt: began,
	}
	return cl, nil
}

// earlyBatch spares the caller sending a body that cannot be accepted. The closing
// transaction looks again.
func (s *Service) earlyBatch(ctx context.Context, cl *closing, given string) error {
	var err error
	if cl.name, cl.folded, err = batchName(given); err != nil {
		return err
	}
	found, err := s.store.batch(s.store.reader(ctx), cl.call.scope(), cl.folded)
	switch {
	case err != nil:
		return err
	case cl.call.Append && found == nil:
		return ErrBatchNotFound
	case !cl.call.Append && found != nil:
		return batchExists(cl.call.Tenant, found.Name)
	}
	return nil
}

func (s *Service) collectAndClose(ctx context.Context, cl *closing, col *collector, src Source) (Accepted, error) {
	if err := col.read(ctx, src); err != nil {
		return Accepted{}, err
	}
	cl.upload, cl.rows, cl.tally = col.upload, col.held, col.tally
	if cl.name == "" {
		var err error
		if cl.name, cl.folded, err = batchName(src.BatchName()); err != nil {
			return Accepted{}, err
		}
	}
	if cl.lease != nil {
		cl.digest = src.Digest()
	}
	refund, err := s.budget.Spend(ctx, cl.call.PartnerID, cl.call.Tenant, cl.tally.rows)
	if err != nil {
		return Accepted{}, budgetRefusal(err)
	}
	accepted, err := s.close(ctx, cl)
	if err != nil && !errors.Is(err, ErrOutcomeUnknown) {
		s.tidy(ctx, "refund the budget of a refused upload", refund)
	}
	return accepted, err
}

// budgetRefusal gives a refusal that no waiting can lift this package's name.
func budgetRefusal(err error) error {
	if refused := errs.From(err); refused.Kind == errs.Invalid {
		return ErrLargerBudget.WithDetail("%s", refused.Detail)
	}
	return err
}

// checkDefaults trims the order data of the call and refuses what no row may hold.
func checkDefaults(o *models.OrderData) error {
	for _, f := range orderFields(o) {
		c := &cells{}
		*f.value = c.text(f.name, *f.value)
		if c.refused != nil {
			return ErrDefaults.WithDetail("%s", c.refused.detail).WithFields(errs.Field{Name: f.name, Cause: c.refused.detail})
		}
	}
	return nil
}

// surface gives errors of a busy or absent database their kind.
func surface(err error) error {
	if err == nil || errs.KindOf(err) != errs.Internal || !db.IsUnavailable(err) {
		return err
	}
	return ErrStorage.WithRetryAfter(soon).WithCause(err)
}

func (c Call) scope() Scope { return Scope{Partner: c.PartnerID, Tenant: c.Tenant} }
