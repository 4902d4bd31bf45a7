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
	DB        *db.DB
	Consent   Consent
	Directory Directory
	Budget    Budget
	Probing   Probing
	Queue     Queue
	Core      Core
	Clock     Clock         // nil means SystemClock
	NewID     func() string // UUIDv7: tracking ids and lease owners
	Logger    *slog.Logger
}

// Service accepts uploads. It is safe for concurrent use and holds nothing that must
// survive.
type Service struct {
	store     *store
	consent   Consent
	directory Directory
	budget    Budget
	probing   Probing
	queue     Queue
	core      Core
	clock     Clock
	newID     func() string
	log       *slog.Logger
}

// New makes a Service.
func New(d Deps) *Service {
	if d.Clock == nil {
		d.Clock = SystemClock{}
	}
	return &Service{
		store: &store{db: d.DB}, consent: d.Consent, directory: d.Directory, budget: d.Budget, probing: d.Probing, queue: d.Queue, core: d.Core,
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
	return s.take(ctx, call, models.UploadRegister, src)
}

// Report takes an OEM's build report: an upload of no tenant, batch and grant, whose
// rows become factory records. Refusals are those of Accept. The report's own id makes
// the call repeatable as well as the call's Key does.
func (s *Service) Report(ctx context.Context, call Call, src ReportSource) (Accepted, error) {
	return s.take(ctx, call, models.UploadReport, src)
}

// Early refuses a call that cannot be accepted, as far as that shows without its devices.
// Accept looks again.
func (s *Service) Early(ctx context.Context, call Call) error {
	_, err := s.begin(ctx, call, models.UploadRegister)
	return surface(err)
}

func (s *Service) take(ctx context.Context, call Call, kind models.UploadKind, src Source) (Accepted, error) {
	key := s.leaseOfCall(call)
	digest := func() []byte { return call.digestOf(src) }
	accepted, err := s.once(ctx, key, digest, func(ctx context.Context) (Accepted, error) {
		return s.collectAndClose(ctx, call, kind, src, key)
	})
	return accepted, surface(err)
}

func (s *Service) collectAndClose(ctx context.Context, call Call, kind models.UploadKind, src Source, key *lease) (Accepted, error) {
	cl, err := s.begin(ctx, call, kind)
	if err != nil {
		return Accepted{}, err
	}
	cl.hold(key)
	col := s.collector(cl)
	accepted, err := s.collect(ctx, cl, col, src)
	if err != nil && !errors.Is(err, ErrOutcomeUnknown) || accepted.Replayed {
		s.discard(ctx, col)
	}
	return accepted, err
}

// discard deletes what was staged of an upload that is not to be.
func (s *Service) discard(ctx context.Context, col *collector) {
	if col.staged() {
		s.tidy(ctx, "delete the rows of a refused upload", func(ctx context.Context) error {
			return s.store.discard(ctx, col.upload)
		})
	}
}

func (s *Service) collector(cl *closing) *collector {
	c := &collector{store: s.store, max: cl.call.MaxRows, upload: cl.upload, rules: cl.call.rules()}
	c.rules.limits = cl.limits
	if c.max == 0 {
		c.max = DefaultMaxRows
	}
	if cl.upload.Kind == models.UploadRegister && cl.call.PartnerID != "" {
		c.probing = s.probing
	}
	if cl.upload.Kind == models.UploadReport {
		c.rules.report = true
		c.buyers = &buyers{directory: s.directory, def: cl.call.SoldTo}
	}
	return c
}

// begin refuses early what can be refused without the body, and starts the closing.
func (s *Service) begin(ctx context.Context, call Call, kind models.UploadKind) (*closing, error) {
	if call.ValidateOnly && kind != models.UploadRegister {
		return nil, ErrNotForeseeable
	}
	cl := &closing{call: call, noBatch: kind == models.UploadReport || call.byOwner()}
	if err := checkDefaults(&cl.call.Defaults); err != nil {
		return nil, err
	}
	cl.ask = Ask{Partner: call.PartnerID, Client: call.ClientID, Tenant: call.Tenant, Scope: scopeOf(call, kind), Grant: call.Grant}
	permit, err := s.consent.Check(ctx, cl.ask)
	if err != nil {
		return nil, err
	}
	if kind != models.UploadRemove { // a mistake can be taken back however long the queue is
		if err := s.queue.Admit(ctx, call.PartnerID); err != nil {
			return nil, err
		}
	}
	cl.ask.Seen = &permit
	if kind == models.UploadRegister {
		cl.limits = permit.Limits // those of the claim decide; these spare sending what they would refuse
	}
	if err := s.expectDomain(ctx, call); err != nil {
		return nil, err
	}
	if call.Append || call.BatchName != "" {
		if err := s.earlyBatch(ctx, cl, call.BatchName); err != nil {
			return nil, err
		}
	}
	cl.upload = models.Upload{
		TrackingID: models.TrackingID(s.newID()), Kind: kind, State: models.UploadReceiving, GrantID: permit.Grant,
		PartnerID: call.PartnerID, TenantID: call.Tenant, ClientID: call.ClientID,
		RequestID: sentence(call.Key), CorrelationID: sentence(call.CorrelationID),
		StagedOn: permit.Now.Truncate(24 * time.Hour), CreatedAt: permit.Now,
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

func scopeOf(call Call, kind models.UploadKind) string {
	switch {
	case call.byOwner():
		return ScopeOwn
	case kind == models.UploadRemove:
		return ScopeRemove
	case kind == models.UploadReport:
		return ScopeReport
	}
	return ScopeRegister
}

// expectDomain stops a call that was meant for another customer. It comes after the
// grant, so that nobody learns a stranger's domains by asking.
func (s *Service) expectDomain(ctx context.Context, call Call) error {
	if call.ExpectedDomain == "" {
		return nil
	}
	has, err := s.directory.HasDomain(ctx, call.Tenant, call.ExpectedDomain)
	if err == nil && !has {
		err = ErrOtherDomain.WithDetail("The customer in the path has no verified domain like the expected one. Nothing was stored. Check that the devices are sent to the right tenant id.")
	}
	return err
}

// collect reads the rows and closes the upload. The id of a build report is known only
// now, and makes the rest of the call run once.
func (s *Service) collect(ctx context.Context, cl *closing, col *collector, src Source) (Accepted, error) {
	if err := col.read(ctx, src); err != nil {
		return Accepted{}, err
	}
	cl.upload, cl.rows, cl.tally = col.upload, col.held, col.tally
	report, ok := src.(ReportSource)
	if !ok {
		if err := cl.nameBatch(src.BatchName()); err != nil {
			return Accepted{}, err
		}
		return s.spendAndClose(ctx, cl, src)
	}
	cl.upload.ReportID = report.ReportID()
	key := s.leaseOfReport(cl.call, cl.upload.ReportID)
	digest := func() []byte { return cl.call.digestOf(src) }
	return s.once(ctx, key, digest, func(ctx context.Context) (Accepted, error) {
		cl.hold(key)
		return s.spendAndClose(ctx, cl, src)
	})
}

func (s *Service) spendAndClose(ctx context.Context, cl *closing, src Source) (Accepted, error) {
	if len(cl.leases) > 0 {
		cl.digest = cl.call.digestOf(src)
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

func (c Call) rules() rules {
	return rules{kind: c.PartnerKind, owner: c.byOwner(), defaults: c.Defaults, seen: &seen{}}
}
