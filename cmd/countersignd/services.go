package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"countersign/authz"
	"countersign/authz/signin"
	"countersign/consent"
	"countersign/gateway/files"
	"countersign/gateway/forward"
	"countersign/gateway/intake"
	"countersign/gateway/ratelimit"
	"countersign/internal/egress"
	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/internal/notice"
	"countersign/models"
	"countersign/partners"
	"countersign/registration"
	"countersign/registration/rpc"
)

// services are the boxes of the architecture, joined. Each knows its neighbours
// through interfaces of its own.
type services struct {
	config     Config
	keys       *authz.Keys
	receipts   *authz.Keys // sign receipts
	signInKeys *authz.Keys // sign at customers' identity providers
	ledger     *authz.Keys // sign the ledger's checkpoints
	order      *ledger.Sequencer
	chains     *ledger.Reader
	proofs     *consent.Receipts
	secrets    *authz.Secrets
	site       authz.Site
	far        core         // the core, here or elsewhere
	line       *rpc.Client  // the way to it; nil: it is in this process
	core       forward.Core // what work goes to: far, but in tests
	consent    *consent.Service
	registry   *partners.Registry
	forward    *forward.Forwarder
	uploads    *intake.Service
	files      *files.Service
	reader     *intake.Reader
	budgets    *budgets
	outside    *egress.Client    // the way to addresses that customers and partners chose
	published  *authz.RemoteKeys // key sets of clients
	foreign    *authz.RemoteKeys // key sets of customers' issuers
	signin     *signin.Service
	probing    *probing
	notices    *notice.Service // nil: no mail is sent
	shared     *sharedBudgets  // nil: budgets are counted in this process
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// join builds the services bottom-up over open databases. Work goes to worker; nil
// takes the core.
func join(c Config, d *databases, worker forward.Core, log *slog.Logger) (*services, error) {
	s := &services{config: c, core: worker}
	var err error
	// A core that was away may have come back from a backup.
	restore := func(ctx context.Context) error { return s.consent.RestoreFences(ctx) }
	if s.far, s.line, err = c.openCore(d, restore, log); err != nil {
		return nil, err
	}
	if s.core == nil {
		s.core = s.far
	}
	if s.site, err = authz.NewSite(c.PublicURL); err != nil {
		return nil, err
	}
	if err = s.loadKeys(c.DataDir); err != nil {
		return nil, err
	}
	if s.secrets, err = authz.LoadSecrets(c.DataDir); err != nil {
		return nil, err
	}
	var buckets ratelimit.Store
	if buckets, s.shared, err = openBudgets(c, log); err != nil {
		return nil, err
	}
	limiter := ratelimit.New(buckets, nil)
	s.probing = newProbing(c, limiter, log)
	s.consent = consent.New(consent.Deps{
		DB: d.gateway, Sink: s.core, Reader: s.far, Last: lastDevices{s.far}, Logger: log, NewID: newID,
		Caps: consent.Caps{OpenPerTenant: int(c.ConsentsOpen), PerDay: int(c.ConsentsPerDay)}, Prober: s.probing,
	})
	s.registry, err = partners.New(partners.Deps{
		DB: d.gateway, Fences: s.consent, Secrets: s.secrets, CheckKeySetFunc: checkKeySet, CheckKeyAddressFunc: s.checkKeyAddress, CheckFederationFunc: s.checkFederation, CheckCertificatesFunc: checkCertificates, CheckSubjectFunc: authz.CheckTLSSubject,
		ScopesFunc: authz.AllowedScopes, NewID: newID, Now: time.Now, DNS: egress.NewResolver(c.DNSServer),
	})
	if err != nil {
		return nil, err
	}
	if s.outside, s.signin, err = c.openSignIn(d, s, log); err != nil {
		return nil, err
	}
	s.published = authz.NewRemoteKeys(s.outside.HTTP(), time.Now)
	s.foreign = authz.NewForeignKeys(s.outside.HTTP(), time.Now)
	s.budgets = newBudgets(c, s.registry, limiter)
	s.forward = forward.New(forward.Deps{
		DB: d.forBulk(), Core: s.core, Gate: s.consent, Probing: s.probing, Now: time.Now, Worker: workerName(), Logger: log,
		Settings: forward.Settings{
			Workers: c.Workers, PartnerInFlight: c.PartnerInFlight,
			PartnerWaiting: c.PartnerWaiting, MostBehind: time.Duration(c.MinutesBehind) * time.Minute,
		},
	})
	s.uploads = intake.New(intake.Deps{
		DB: d.forBulk(), Consent: s.consent, Directory: s.registry, Budget: s.budgets, Probing: s.probing, Queue: s.forward, Core: s.far, NewID: newID, Logger: log,
	})
	s.reader = intake.NewReader(d.gateway)
	s.files = files.New(d.forBulk(), newID)
	s.chains = ledger.NewReader(d.gateway)
	s.proofs = consent.NewReceipts(consent.ReceiptDeps{
		Service: s.consent, Chains: s.chains, Signer: s.receipts, Issuer: s.site.Issuer(), Withdrawal: c.PublicURL + "/portal", Now: time.Now,
	})
	if s.notices, err = c.openMail(d, s, log); err != nil {
		return nil, err
	}
	s.order, err = ledger.NewSequencer(ledger.Deps{
		DB: d.gateway, Signer: s.ledger, Issuer: s.site.Issuer(), Holder: workerName(), Logger: log,
	})
	return s, err
}

// loadKeys reads the signing keys, one kind per purpose.
func (s *services) loadKeys(dataDir string) (err error) {
	for purpose, keys := range map[authz.Purpose]**authz.Keys{
		authz.PurposeToken: &s.keys, authz.PurposeReceipt: &s.receipts, authz.PurposeLedger: &s.ledger, authz.PurposeSignIn: &s.signInKeys,
	} {
		if *keys, err = authz.LoadKeysFor(dataDir, purpose, time.Now); err != nil {
			return err
		}
	}
	return nil
}

// checkKeySet shows what is wrong with a key set to the operator who sent it.
func checkKeySet(jwks string) (string, error) {
	stored, err := authz.CheckKeySet(jwks)
	if err != nil {
		return "", errs.New(errs.Invalid, "invalid_jwks", "The key set cannot be used: "+err.Error())
	}
	return stored, nil
}

// checkKeyAddress looks at where a client publishes its keys, and fetches them once.
func (s *services) checkKeyAddress(ctx context.Context, address string) error {
	return s.checkPublished(ctx, "jwksUri", address, s.published)
}

// checkFederation does the same with a customer's issuer.
func (s *services) checkFederation(ctx context.Context, f models.Federation) error {
	if err := authz.CheckForeign(f); err != nil {
		return partners.ErrInvalid.WithFields(errs.Field{Name: "federation", Cause: err.Error()})
	}
	return s.checkPublished(ctx, "federation.jwksUri", f.JWKSURI, s.foreign)
}

func (s *services) checkPublished(ctx context.Context, field, address string, keys *authz.RemoteKeys) error {
	if err := s.outside.CheckURL(address); err != nil {
		return partners.ErrInvalid.WithFields(errs.Field{Name: field, Cause: err.Error()})
	}
	if err := keys.Check(ctx, address); err != nil {
		return errs.New(errs.Invalid, "invalid_jwks", errs.From(err).Detail)
	}
	return nil
}

// checkCertificates does the same with certificates.
func checkCertificates(text string) (string, error) {
	stored, err := authz.CertificateKeySet(text, time.Now())
	if err != nil {
		return "", errs.New(errs.Invalid, "invalid_jwks", "The certificates cannot be used: "+err.Error())
	}
	return stored, nil
}

// workerName tells in leases and logs which process holds a dispatch.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}

// run keeps the background work going until ctx ends, and returns when what was
// begun is finished.
func (s *services) run(ctx context.Context, d *databases, log *slog.Logger) {
	var work sync.WaitGroup
	work.Go(func() {
		s.greet(ctx, log)
		s.forward.Run(ctx)
	})
	work.Go(func() { s.consent.RunFences(ctx) })
	work.Go(func() { s.order.Run(ctx) })
	work.Go(func() { s.registry.RunNotes(ctx, log) })
	work.Go(func() { maintain(ctx, d.gateway, s, log) })
	work.Go(func() { followKeys(ctx, log, s.keys, s.receipts, s.ledger, s.signInKeys) })
	if s.notices != nil {
		work.Go(func() { s.notices.Run(ctx) })
	}
	if s.line != nil {
		work.Go(func() { s.line.Watch(ctx) })
	}
	if s.shared != nil {
		work.Go(func() { s.shared.Run(ctx) })
	}
	work.Wait()
}

// close ends what join opened.
func (s *services) close() error {
	s.outside.Close()
	return s.shared.close()
}

// greet gives a core in this process its fences again before it gets work: its database
// may have been restored. A core elsewhere is greeted by the line.
func (s *services) greet(ctx context.Context, log *slog.Logger) {
	if s.line != nil {
		return
	}
	if err := s.consent.RestoreFences(ctx); err != nil && ctx.Err() == nil {
		log.ErrorContext(ctx, "the core's fences could not be compared", "error", err)
	}
}

// Sweep deletes what was abandoned in any package, and what is over for long. A core
// elsewhere does so itself.
func (s *services) Sweep(ctx context.Context) error {
	if _, err := s.registry.SweepAssertions(ctx); err != nil {
		return err
	}
	if err := s.registry.SweepChallenges(ctx); err != nil {
		return err
	}
	if err := s.signin.Sweep(ctx); err != nil {
		return err
	}
	if err := s.forward.Trim(ctx); err != nil {
		return err
	}
	if err := s.files.Sweep(ctx); err != nil {
		return err
	}
	if here, ok := s.far.(*registration.Registrar); ok {
		if err := here.Trim(ctx); err != nil {
			return err
		}
	}
	return s.uploads.Sweep(ctx)
}
