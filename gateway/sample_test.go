package gateway_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"countersign/authz"
	"countersign/consent"
	"countersign/gateway"
	"countersign/gateway/intake"
	"countersign/gateway/ratelimit"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

const (
	tenant    = "0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10"
	tracking  = "5f0e2a44-1f0c-4a7e-8f53-6f4b0f9f2c01"
	grantID   = "7a1e0000-0000-4000-8000-000000000001"
	requestID = "7a1e0000-0000-4000-8000-000000000002"
	madeUpID  = "11111111-2222-4333-8444-555555555555"
	publicURL = "https://gateway.example.com"
)

var now = time.Date(2031, 2, 3, 10, 1, 10, 0, time.UTC)

// Callers by token: "partner" (a reseller), "oem", "tenant" and "operator" carry every scope of their kind,
// "partner-" and a scope all but that one.
func principal(token string) (authz.Principal, error) {
	kind, without, _ := strings.Cut(token, "-")
	p := authz.Principal{Kind: models.OwnerKind(kind), ClientID: models.ClientID(kind[:1] + "-client")}
	switch p.Kind {
	case models.OwnerPartner:
		p.PartnerID, p.PartnerKind = "partner-1", models.DirectReseller
	case "oem":
		p.Kind, p.PartnerID, p.PartnerKind = models.OwnerPartner, "oem-1", models.OEM
	case models.OwnerTenant:
		p.TenantID = tenant
	case models.OwnerOperator:
	default:
		return p, authz.ErrInvalidToken
	}
	for _, scope := range authz.AllScopes() {
		if scope != without {
			p.Scopes = append(p.Scopes, scope)
		}
	}
	return p, nil
}

// edge is a gateway over neighbours made of function fields. A call that a test does not
// expect fails it.
type edge struct {
	t       testing.TB
	handler http.Handler
	log     *lockedBuffer

	verify       func(string) (authz.Principal, error)
	exchange     func(authz.TokenRequest) (authz.TokenResponse, error)
	request      func() (ratelimit.Decision, error)
	standing     func(p authz.Principal, tenant models.TenantID) (ratelimit.Decision, error)
	tokenRequest func(netip.Addr) (ratelimit.Decision, error)
	accept       func(intake.Call, intake.Source) (intake.Accepted, error)
	foresee      func(intake.Call, intake.Source, func(intake.RowStatus) error) (intake.Foreseen, error)
	early        func(intake.Call) error
	file         models.PartialFile // the one there is
	text         []byte             // its bytes
	report       func(intake.Call, intake.ReportSource) (intake.Accepted, error)
	removeDevice func(intake.Call, intake.Registered) (intake.Accepted, error)
	replace      func(intake.Call, intake.Registered, intake.Row) (intake.Accepted, error)
	void         func(call intake.Call, of intake.UploadStatus, devices []intake.Leaving, expected int) (intake.Accepted, error)
	remove       func(intake.Call, string, models.DeviceID) (intake.Accepted, error)
	status       func(intake.Scope, models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error)
	rows         func(intake.Scope, intake.RowFilter, intake.Page) ([]intake.RowStatus, string, error)
	uploads      func(intake.Scope, intake.UploadFilter, intake.Page) ([]intake.UploadStatus, string, error)
	find         func(registration.Scope, registration.Filter, registration.Page) ([]registration.Device, string, error)
	device       func(registration.Scope, models.DeviceID) (registration.Device, error)
	story        func(registration.Scope, models.DeviceID, registration.Page) ([]models.DeviceEvent, string, error)
	cases        func(registration.CaseScope, registration.CaseFilter, registration.Page) ([]registration.Case, string, error)
	oneCase      func(registration.CaseScope, models.CaseID) (registration.Case, error)
	settle       func(models.Settling) (registration.Case, error)
	explain      func(registration.Scope, models.DeviceID, registration.Page) ([]registration.Explanation, string, error)
	amend        func(consent.Actor, models.GrantID, consent.Amendment) (models.Grant, error)
	versions     func(models.GrantID) ([]models.GrantVersion, error)
	preview      func(models.GrantID) (consent.Consequences, error)
	revokeAll    func(models.PartnerID, int, string) ([]consent.Revocation, error)
	link         func(what string, who consent.Actor, id, reason string) (models.PartnerLink, error)
	epochs       func(consent.Acting) (consent.Permit, error)
	batches      func(intake.Scope) iter.Seq2[models.Batch, error]
	devices      func(intake.Scope, string, intake.Page) ([]intake.Device, string, error)
	list         func(consent.Filter) ([]consent.Consent, string, error)
	get          func(consent.Actor, string) (consent.Consent, error)
	history      func(consent.Actor, string) ([]models.ConsentEvent, error)
	proofFields

	ask       func(consent.Actor, consent.NewRequest) (consent.Asked, error)
	newLink   func(consent.Actor, models.RequestID, *time.Time) (consent.Asked, error)
	block     func(consent.Actor, models.PartnerID, consent.Blocking) (consent.Block, error)
	unblock   func(consent.Actor, models.PartnerID) error
	blocked   func(consent.Actor) ([]consent.Block, error)
	decide    func(what string, who consent.Actor, id, reason string) (models.ConsentRequest, error)
	grant     func(consent.Actor, models.RequestID, consent.Terms) (models.Grant, error)
	revoke    func(consent.Actor, models.GrantID, string) (consent.Revocation, error)
	change    func(what string, who consent.Actor, id models.GrantID, reason string) (models.Grant, error)
	customers func(models.PartnerID, string, int) ([]consent.Customer, string, error)
	customer  func(models.PartnerID, models.TenantID) (consent.Customer, error)
	deskCalls []string
	stopped   func(int64, int) ([]models.Dispatch, error)
	restart   func(int64) error
	ready     func() error

	revokeToken   func(authz.TokenRequest) error
	introspect    func(authz.TokenRequest) (authz.TokenStatus, error)
	presented     func(authz.Presentation)
	secretAttempt func(models.ClientID, netip.Addr) (ratelimit.Decision, error)
	proven        int // attempts given back
}

// newEdge makes an edge whose callers are those of principal and whose budgets are
// endless.
func newEdge(t testing.TB, adjust ...func(*gateway.Deps)) *edge {
	t.Helper()
	e := &edge{t: t, log: &lockedBuffer{}, verify: principal}
	e.request = func() (ratelimit.Decision, error) { return ratelimit.Decision{Admitted: true}, nil }
	e.tokenRequest = func(netip.Addr) (ratelimit.Decision, error) { return e.request() }
	e.secretAttempt = func(models.ClientID, netip.Addr) (ratelimit.Decision, error) { return e.request() }
	e.ready = func() error { return nil }
	deps := gateway.Deps{
		Verifier: e, Tokens: tokenEndpoint{e}, Nonces: nonces{}, JWKS: func() []byte { return []byte(`{"keys":[]}`) }, Metadata: []byte(`{"issuer":"x"}`), Resource: []byte(`{"resource":"x"}`), OpenID: []byte(`{"issuer":"x","subject_types_supported":[]}`), Throttle: throttle{e},
		Intake: e, Files: fileKeeper{e}, Uploads: e, Batches: e, Devices: deviceReader{e}, Attention: attention{e}, Permits: attention{e}, Consents: e, ConsentAsker: e, ConsentGrants: e, PartnerLinks: e, ConsentBlocks: e, Proofs: proofs{e}, Feed: feed{e}, Customers: e, Tenants: tenantDesk{e}, Domains: tenantDesk{e}, Clients: clientDesk{e}, Dispatches: e,
		PublicURL: publicURL, ServerID: "replica-a", Now: func() time.Time { return now },
		NewID:   func() string { return madeUpID },
		Logger:  slog.New(slog.NewJSONHandler(e.log, nil)),
		Ready:   func(context.Context) error { return e.ready() },
		OpenAPI: []byte(`{"openapi":"3.0.3"}`), Swagger: []byte(`{"swagger":"2.0"}`),
	}
	for _, a := range adjust {
		a(&deps)
	}
	handler, err := gateway.New(deps)
	if err != nil {
		t.Fatal(err)
	}
	e.handler = handler
	return e
}

// accepts takes every upload, reading it to its end.
func (e *edge) accepts(calls *[]intake.Call, rows *[]intake.Row) {
	e.accept = func(call intake.Call, src intake.Source) (intake.Accepted, error) {
		for {
			row, err := src.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return intake.Accepted{}, err
			}
			*rows = append(*rows, row)
		}
		if call.BatchName == "" {
			call.BatchName = src.BatchName()
		}
		*calls = append(*calls, call)
		return intake.Accepted{TrackingID: tracking, Location: "/customers/" + tenant + "/batchJobStatus/" + tracking}, nil
	}
}

// do makes a call as partner and returns the answer with its body.
func (e *edge) do(method, path, body string, headers ...string) (*http.Response, string) {
	e.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer partner")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "unknown length" {
			r.ContentLength = -1
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	w := httptest.NewRecorder()
	e.handler.ServeHTTP(w, r)
	return w.Result(), w.Body.String()
}

// refused makes sure of status and error word of an answer.
func refused(t testing.TB, resp *http.Response, body string, status int, reason string) {
	t.Helper()
	if resp.StatusCode != status || !strings.Contains(body, `"reason":"`+reason+`"`) {
		t.Errorf("got %d %s\nwant %d with reason %s", resp.StatusCode, body, status, reason)
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

var errUnexpected = errs.New(errs.Internal, "internal", "a call the test did not expect")
