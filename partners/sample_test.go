package partners_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/partners"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is one database with a registry over it.
type world struct {
	*partners.Registry
	d       *db.DB
	clock   *clock
	fences  *fences
	secrets *secrets
}

// clock is turned by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fences is a queue that writes into the same transaction, as the real one does.
type fences struct{ fail error }

func (f *fences) EnqueueFenceTx(ctx context.Context, tx *db.Tx, kind models.SubjectKind, id string, minEpoch int64) error {
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	err = tx.Gorm().WithContext(ctx).Exec(`INSERT INTO fences (kind, subject_id, min_epoch, next_at, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (kind, subject_id) DO UPDATE SET min_epoch = excluded.min_epoch`, string(kind), id, minEpoch, now, now).Error
	return errors.Join(err, f.fail)
}

// secrets makes readable ones.
type secrets struct {
	mu   sync.Mutex
	made int
}

func (s *secrets) NewSecret() (string, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made++
	secret := "secret-" + strconv.Itoa(s.made)
	return secret, digestOf(secret)
}

func digestOf(secret string) []byte { return []byte("digest of " + secret) }

var testScopes = map[models.OwnerKind][]string{
	models.OwnerPartner:  {"devices.write", "devices.read"},
	models.OwnerTenant:   {"devices.read", "consents.decide"},
	models.OwnerOperator: {"operations.write"},
}

var errBadKeys = errs.New(errs.Invalid, "invalid_jwks", "The key set was not accepted.")

func checkKeys(jwks string) (string, error) {
	if !strings.HasPrefix(jwks, "keys") {
		return "", errBadKeys
	}
	return "checked " + jwks, nil
}

func checkAddress(_ context.Context, address string) error {
	if !strings.HasPrefix(address, "https:") {
		return errBadKeys
	}
	return nil
}

func checkSubject(text string) (string, error) {
	if !strings.HasPrefix(text, "dns:") {
		return "", errors.New("must begin with dns:")
	}
	return strings.ToLower(text), nil
}

// both runs fn on a fresh PostgreSQL and a fresh SQLite database.
func both(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			fn(t, newWorld(t, dialect))
		})
	}
}

func newWorld(t *testing.T, dialect db.Dialect) *world {
	t.Helper()
	w := &world{clock: &clock{now: start}, fences: &fences{}, secrets: &secrets{}}
	w.d = dbtest.New(t, dialect, migrations.Gateway, dbtest.WithClock(w.clock.Now))
	registry, err := partners.New(w.deps())
	must(t, err)
	w.Registry = registry
	return w
}

func (w *world) deps() partners.Deps {
	return partners.Deps{
		DB: w.d, Fences: w.fences, Secrets: w.secrets, CheckKeySetFunc: checkKeys, CheckKeyAddressFunc: checkAddress, CheckFederationFunc: func(context.Context, models.Federation) error { return nil }, CheckCertificatesFunc: checkKeys, CheckSubjectFunc: checkSubject,
		ScopesFunc: func(kind models.OwnerKind) []string { return testScopes[kind] },
		NewID:      func() string { return uuid.Must(uuid.NewV7()).String() },
		Now:        w.clock.Now,
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantErr checks an error by its name and that it may be shown.
func wantErr(t *testing.T, err error, want *errs.Error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %s", err, want.Code)
		return
	}
	if e := errs.From(err); e.Kind != want.Kind || len(e.Detail) < 20 {
		t.Errorf("got kind %v and sentence %q", e.Kind, e.Detail)
	}
}

func (w *world) partner(t *testing.T, name string) models.Partner {
	t.Helper()
	p, err := w.CreatePartner(t.Context(), partners.NewPartner{Kind: models.DirectReseller, Name: name})
	must(t, err)
	return p
}

func (w *world) tenant(t *testing.T, domains ...string) partners.Tenant {
	t.Helper()
	tenant, err := w.CreateTenant(t.Context(), partners.NewTenant{Name: "Fabrikam", Domains: domains})
	must(t, err)
	return tenant
}

// client makes a partner's client by secret.
func (w *world) client(t *testing.T, owner models.PartnerID) (models.OAuthClient, string) {
	t.Helper()
	c, secret, err := w.CreateClient(t.Context(), partnerClient(owner))
	must(t, err)
	return c, secret
}

func partnerClient(owner models.PartnerID) partners.NewClient {
	return partners.NewClient{
		Owner: models.OwnerPartner, PartnerID: owner, Name: "line 1",
		Scopes: []string{"devices.read", "devices.write", "devices.read"}, Method: models.ClientSecretBasic,
	}
}

// count runs a query for one number.
func (w *world) count(t *testing.T, query string, args ...any) int64 {
	t.Helper()
	var n int64
	must(t, w.d.Read().WithContext(t.Context()).Raw(query, args...).Scan(&n).Error)
	return n
}

// race runs fn at once in n goroutines and counts its successes; every failure
// must be want.
func race(t *testing.T, n int, want *errs.Error, fn func() error) int {
	t.Helper()
	results := make([]error, n)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = fn() })
	}
	wg.Wait()
	wins := 0
	for _, err := range results {
		if err == nil {
			wins++
			continue
		}
		wantErr(t, err, want)
	}
	return wins
}

func ptr[T any](v T) *T { return &v }
