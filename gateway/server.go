package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// Deps are what the edge is made of. Everything up to Dispatches is required.
type Deps struct {
	Verifier      Verifier
	Tokens        TokenEndpoint
	Nonces        Nonces
	JWKS          func() []byte // published at /oauth2/jwks (RFC 7517)
	Metadata      []byte        // published at /.well-known/oauth-authorization-server (RFC 8414)
	Resource      []byte        // published at /.well-known/oauth-protected-resource (RFC 9728)
	OpenID        []byte        // the same in OpenID Connect's form
	OpenAPI       []byte        // the description of the API, published at /openapi.json
	Swagger       []byte        // the same in its older form, published at /swagger.json
	Throttle      Throttle
	Intake        Intake
	Files         FileKeeper
	Uploads       UploadReader
	Batches       BatchReader
	Devices       DeviceReader
	Attention     Attention
	Permits       Permits
	Consents      ConsentReader
	ConsentAsker  ConsentAsker
	ConsentGrants GrantChanger
	PartnerLinks  PartnerLinks
	ConsentBlocks PartnerBlocker
	Proofs        Proofs
	Feed          Feed
	Customers     CustomerReader
	Tenants       TenantDesk
	Domains       DomainDesk
	Clients       ClientDesk
	Dispatches    Dispatches

	Portal    http.Handler // the pages for people; nil serves none
	PortalURL string       // where browsers find them, without trailing slash; required with Portal, empty without pages
	PublicURL string       // link base, without trailing slash
	MutualURL string       // where clients show certificates, without trailing slash; empty for nowhere
	// TrustedProxies are our own proxies: only they are believed when they say where a call
	// comes from and which certificate its client has shown.
	TrustedProxies []netip.Prefix
	ServerID       string           // MS-ServerId: which replica answered
	Now            func() time.Time // nil takes time.Now
	NewID          func() string    // GUIDs for calls that bring none; nil makes UUIDv7
	Logger         *slog.Logger     // nil discards

	Stopping func() bool // whether the server ends: streams end before it waits for calls; nil never
	// Tick gives a look at progress every d, until stopped; nil takes a time.Ticker.
	Tick     func(d time.Duration) (ticks <-chan time.Time, stop func())
	Ready    func(context.Context) error // why the server should get no calls now; nil is always ready
	Registry *prometheus.Registry        // nil makes one
	Limits   Limits
}

// Limits bound what one call may cost. The zero value of a field takes its default.
type Limits struct {
	JSONRows   int           // devices of one JSON call; 100,000
	CSVRows    int           // rows of one CSV; 1,000,000
	Body       int64         // bytes of an upload; 8 GiB
	StatusRows int           // rows that a batch job status lists at most; 100,000
	DrainBytes int64         // read of a refused body, so that its sender sees the answer; 64 MiB
	DrainTime  time.Duration // spent on that; 5 s
	BodyIdle   time.Duration // silence within a body before it is given up; 30 s

	InFlight     int64         // bytes of uploads in memory at once, some 4 MiB each; 256 MiB
	InFlightWait time.Duration // how long an upload waits for room before it is told to come again; 5 s
}

func (l Limits) withDefaults() Limits {
	orInt := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	orInt(&l.JSONRows, 100_000)
	orInt(&l.CSVRows, 1_000_000)
	orInt(&l.StatusRows, 100_000)
	if l.Body == 0 {
		l.Body = 8 << 30
	}
	if l.DrainBytes == 0 {
		l.DrainBytes = 64 << 20
	}
	if l.DrainTime == 0 {
		l.DrainTime = 5 * time.Second
	}
	if l.BodyIdle == 0 {
		l.BodyIdle = 30 * time.Second
	}
	if l.InFlight == 0 {
		l.InFlight = 256 << 20
	}
	if l.InFlightWait == 0 {
		l.InFlightWait = 5 * time.Second
	}
	return l
}

// server holds what handlers share.
type server struct {
	Deps
	metrics *metrics
	streams streams
	crowd   *crowd
}

// New makes the edge. The handler must stand at the root of its listener: a router
// in front of it would redirect or clean paths that are cleaned here, and never by
// redirect.
func New(d Deps) (http.Handler, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	d.fillIn()
	s := &server{Deps: d, crowd: newCrowd(d.Limits)}
	var err error
	if s.metrics, err = newMetrics(d.Registry); err != nil {
		return nil, err
	}
	table := s.routes()
	engine, err := s.engine(table)
	if err != nil {
		return nil, err
	}
	root, err := newHosts(s, &door{server: s, paths: newPathFolder(table), fixed: s.fixedHeaders(), next: engine})
	if err != nil {
		return nil, err
	}
	return s.placed(root), nil
}

// check refuses to serve with parts missing: a nil one would show at the first call.
func (d Deps) check() error {
	for name, missing := range map[string]bool{
		"Verifier": d.Verifier == nil, "Tokens": d.Tokens == nil, "Nonces": d.Nonces == nil, "JWKS": d.JWKS == nil, "Metadata": len(d.Metadata) == 0, "Resource": len(d.Resource) == 0, "OpenID": len(d.OpenID) == 0,
		"OpenAPI": len(d.OpenAPI) == 0, "Swagger": len(d.Swagger) == 0,
		"Throttle": d.Throttle == nil, "Intake": d.Intake == nil, "Files": d.Files == nil, "Uploads": d.Uploads == nil, "Batches": d.Batches == nil,
		"Consents": d.Consents == nil, "ConsentAsker": d.ConsentAsker == nil, "ConsentGrants": d.ConsentGrants == nil, "PartnerLinks": d.PartnerLinks == nil,
		"ConsentBlocks": d.ConsentBlocks == nil,
		"Proofs":        d.Proofs == nil, "Feed": d.Feed == nil, "Customers": d.Customers == nil, "Devices": d.Devices == nil, "Attention": d.Attention == nil, "Permits": d.Permits == nil, "Dispatches": d.Dispatches == nil,
		"Tenants": d.Tenants == nil, "Domains": d.Domains == nil, "Clients": d.Clients == nil,
	} {
		if missing {
			return fmt.Errorf("gateway: %s is missing", name)
		}
	}
	u, err := url.Parse(d.PublicURL)
	if err != nil || u.Host == "" {
		return fmt.Errorf("gateway: the public URL must be an absolute address")
	}
	if pages, err := url.Parse(d.PortalURL); d.Portal != nil && (err != nil || pages.Host == "") {
		return fmt.Errorf("gateway: the portal's URL must be an absolute address")
	}
	return nil
}

func (d *Deps) fillIn() {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.NewID == nil {
		d.NewID = newGUID
	}
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Ready == nil {
		d.Ready = func(context.Context) error { return nil }
	}
	if d.Registry == nil {
		d.Registry = prometheus.NewRegistry()
	}
	if d.Stopping == nil {
		d.Stopping = func() bool { return false }
	}
	if d.Tick == nil {
		d.Tick = func(every time.Duration) (<-chan time.Time, func()) {
			ticker := time.NewTicker(every)
			return ticker.C, ticker.Stop
		}
	}
	d.Limits = d.Limits.withDefaults()
}

// engine makes gin's router. Its own cleverness with paths is off: the door has
// brought every path into the form of the table, and nothing is ever redirected,
// because clients resend a redirected POST as a GET.
func (s *server) engine(table []route) (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode) // its debug mode prints every route to standard output
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.RedirectFixedPath = false
	// gin believes X-Forwarded-For from anybody by default.
	if err := engine.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("trust no proxies: %w", err)
	}
	for _, r := range table {
		engine.Handle(r.method, r.ginPath(), s.serve(r))
	}
	engine.NoRoute(s.serve(route{handler: s.noRoute}))
	engine.NoMethod(s.serve(route{handler: s.noMethod}))
	return engine, nil
}
