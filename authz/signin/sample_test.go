package signin_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"countersign/authz"
	"countersign/authz/signin"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/egress"
	"countersign/internal/errs"
	"countersign/internal/oidctest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/partners"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a database with everything a sign-in needs, and one honest provider.
type world struct {
	*signin.Service
	d        *db.DB
	clock    *clock
	registry *partners.Registry
	keys     *authz.Keys
	idp      *oidctest.Provider
	log      *logBook
	shared   *signin.Shared
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

// logBook keeps what was logged.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

type noFences struct{}

func (noFences) EnqueueFenceTx(context.Context, *db.Tx, models.SubjectKind, string, int64) error {
	return nil
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// both runs fn on a fresh PostgreSQL and a fresh SQLite database.
func both(t *testing.T, fn func(t *testing.T, w *world), options ...func(*world)) {
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			fn(t, newWorld(t, dialect, options...))
		})
	}
}

// quick runs fn on SQLite alone, where the database plays no part in the rule.
func quick(t *testing.T, options ...func(*world)) *world { return newWorld(t, db.SQLite, options...) }

func newWorld(t *testing.T, dialect db.Dialect, options ...func(*world)) *world {
	t.Helper()
	w := &world{clock: &clock{now: start}, idp: oidctest.New(t), log: &logBook{}, shared: &signin.Shared{}}
	w.idp.Now = w.clock.Now
	for _, option := range options {
		option(w)
	}
	w.d = dbtest.New(t, dialect, migrations.Gateway, dbtest.WithClock(w.clock.Now))
	folder := t.TempDir()
	secrets, err := authz.LoadSecrets(folder)
	must(t, err)
	sealer, err := authz.LoadSealer(folder)
	must(t, err)
	w.keys, err = authz.LoadKeysFor(folder, authz.PurposeSignIn, time.Now)
	must(t, err)
	w.registry, err = partners.New(partners.Deps{
		DB: w.d, Fences: noFences{}, Secrets: secrets, CheckKeySetFunc: authz.CheckKeySet, CheckCertificatesFunc: authz.CheckKeySet, CheckSubjectFunc: authz.CheckTLSSubject, CheckKeyAddressFunc: func(context.Context, string) error { return nil }, CheckFederationFunc: func(context.Context, models.Federation) error { return nil }, ScopesFunc: authz.AllowedScopes,
		NewID: newID, Now: w.clock.Now,
	})
	must(t, err)
	outside := egress.New(egress.Options{Loopback: true})
	t.Cleanup(outside.Close)
	w.Service, err = signin.New(signin.Deps{
		DB: w.d, Outside: outside, Sealer: sealer, Signer: w.keys, Rights: w.registry, NewID: newID,
		PortalURL: "https://portal.example.com", Shared: *w.shared, Logger: slog.New(slog.NewTextHandler(w.log, nil)), Now: w.clock.Now,
	})
	must(t, err)
	return w
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

var operator = signin.By{Kind: models.ActorOperator, ID: "countersignd admin"}

// settings lead to the honest provider.
func (w *world) settings() signin.Settings { return settingsOf(w.idp) }

func settingsOf(p *oidctest.Provider) signin.Settings {
	return signin.Settings{
		Issuer: p.Issuer, ClientID: oidctest.ClientID, AuthMethod: models.ProviderBasic, ClientSecret: oidctest.ClientSecret,
		RoleClaim: "roles", AdminValues: []string{"countersign-admin"}, ApproverValues: []string{"countersign-approver"},
		RequireMFA: true, AMRValues: []string{"mfa"}, ACRValues: []string{"gold"},
	}
}

// tenant makes a customer that signs in at the honest provider.
func (w *world) tenant(t *testing.T, domains ...string) models.TenantID {
	t.Helper()
	made, err := w.registry.CreateTenant(t.Context(), partners.NewTenant{Name: "Fabrikam", Domains: domains})
	must(t, err)
	_, err = w.SetSignIn(t.Context(), operator, made.ID, w.settings())
	must(t, err)
	return made.ID
}

var (
	ada   = oidctest.Person{Subject: "ada", Name: "Ada Admin", Email: "ada@fabrikam.example", Roles: []string{"countersign-admin"}, AMR: []string{"pwd", "mfa"}}
	alan  = oidctest.Person{Subject: "alan", Name: "Alan Approver", Email: "alan@fabrikam.example", Roles: []string{"countersign-approver"}, AMR: []string{"pwd", "mfa"}}
	nora  = oidctest.Person{Subject: "nora", Name: "Nora None", Email: "nora@fabrikam.example", AMR: []string{"pwd", "mfa"}}
	empty = signin.Welcome{}
)

// begin starts a sign-in that must be possible.
func (w *world) begin(t *testing.T, in signin.Start) signin.Redirect {
	t.Helper()
	to, err := w.Begin(t.Context(), in)
	must(t, err)
	return to
}

// answer is what the browser brings back.
func answer(to signin.Redirect, q url.Values) signin.Return {
	return signin.Return{Code: q.Get("code"), State: q.Get("state"), Issuer: q.Get("iss"), Error: q.Get("error"), Cookie: to.Cookie}
}

// try signs somebody in, whatever comes of it.
func (w *world) try(t *testing.T, in signin.Start, who oidctest.Person) (signin.Welcome, error) {
	t.Helper()
	to := w.begin(t, in)
	return w.Complete(t.Context(), answer(to, w.idp.SignIn(t, to.URL, who)))
}

// signIn signs somebody in who may come in, and returns the cookie.
func (w *world) signIn(t *testing.T, tenant models.TenantID, who oidctest.Person) string {
	t.Helper()
	welcome, err := w.try(t, signin.Start{Tenant: tenant}, who)
	must(t, err)
	return welcome.Cookie
}

func (w *world) session(t *testing.T, cookie string) signin.Session {
	t.Helper()
	session, err := w.Session(t.Context(), cookie)
	must(t, err)
	return session
}

// by is an admin in a fresh session.
func (w *world) by(t *testing.T, cookie string) signin.By {
	t.Helper()
	session := w.session(t, cookie)
	return signin.By{Kind: models.ActorCustomer, ID: string(session.Person.ID), Session: &session}
}

// count runs a query for one number.
func (w *world) count(t *testing.T, query string, args ...any) int64 {
	t.Helper()
	var n int64
	must(t, w.d.Read().WithContext(t.Context()).Raw(query, args...).Scan(&n).Error)
	return n
}

func newTenant(name string) partners.NewTenant { return partners.NewTenant{Name: name} }

// dump is everything the tables of this package hold, as text.
func (w *world) dump(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, table := range []string{"people", "tenant_sign_ins", "tenant_invitations", "sign_in_attempts", "person_sessions", "ledger_entries", "oauth_clients"} {
		var rows []map[string]any
		must(t, w.d.Read().WithContext(t.Context()).Table(table).Find(&rows).Error)
		for _, row := range rows {
			for name, value := range row {
				if raw, ok := value.([]byte); ok {
					value = string(raw)
				}
				fmt.Fprintf(&out, "%s.%s=%v\n", table, name, value)
			}
		}
	}
	return out.String()
}
