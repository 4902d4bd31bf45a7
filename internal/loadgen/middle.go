package loadgen

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/authz"
	"countersign/gateway"
	"countersign/gateway/intake"
	"countersign/gateway/ratelimit"
	"countersign/internal/recent"
	"countersign/models"
)

// calls are made of each kind in a round of P4; tests make do with fewer.
var calls = struct{ small, large int }{20_000, 600}

// passing is P4: the rate of calls that pass everything before and after the work itself
// (ids, access line, token, scope, request budget, metrics) against bare gin, with small
// bodies and with bodies of two megabytes. Both read the body and take its digest.
func (r *run) passing(ctx context.Context) (Figure, error) {
	out := Figure{Of: "gateway/bare gin: calls a second with small bodies, with 2 MB", Goal: "≥ 0.85 and ≥ 0.92"}
	rows := r.fresh(models.DispatchRows, random)
	err := r.besideBare(ctx, "middle", func(s stormed) error {
		for _, kind := range []struct {
			n     int
			body  []byte
			lanes int
		}{{calls.small, []byte(`{"BatchId":"a","Devices":[{}]}`), 32}, {calls.large, jsonBody("a", rows), connections}} {
			value, detail, err := s.rounds(ctx, r.Rounds, kind.body, kind.n, kind.lanes)
			if err != nil {
				return err
			}
			out.Values = append(out.Values, value)
			out.Detail = append(out.Detail, fmt.Sprintf("Bodies of %d bytes over %d connections: %s", len(kind.body), kind.lanes, detail))
		}
		return nil
	})
	return out, err
}

// stormed are a server and bare gin beside it, with a token for the server.
type stormed struct{ ours, bare, token string }

// besideBare runs this program as a server and as bare gin.
func (r *run) besideBare(ctx context.Context, server string, do func(stormed) error) error {
	bare, err := r.otherProgram(ctx, "bare")
	if bare != nil {
		defer bare.end()
	}
	if err != nil {
		return err
	}
	ours, err := r.otherProgram(ctx, server)
	if ours != nil {
		defer ours.end()
	}
	if err != nil {
		return err
	}
	at, token, _ := strings.Cut(ours.url, " ")
	return do(stormed{at, bare.url, token})
}

// rounds storms both in turns, the first time for nothing, and returns the ratio of their
// rates and what was seen.
func (s stormed) rounds(ctx context.Context, rounds int, body []byte, n, lanes int) (float64, string, error) {
	var with, without []time.Duration
	for round := range rounds + 1 {
		b, err := storm(ctx, s.bare, s.token, body, n, lanes)
		if err != nil {
			return 0, "", err
		}
		a, err := storm(ctx, s.ours, s.token, body, n, lanes)
		if err != nil {
			return 0, "", err
		}
		if round > 0 {
			with, without = append(with, a), append(without, b)
		}
	}
	each := ratios(without, with)
	return median(each), fmt.Sprintf("%.0f calls a second, %.0f at bare gin. Rounds: %s.",
		float64(n)/median(with).Seconds(), float64(n)/median(without).Seconds(), spread(each)), nil
}

// storm posts a body n times over some connections.
func storm(ctx context.Context, at, token string, body []byte, n, lanes int) (time.Duration, error) {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}
	defer c.CloseIdleConnections()
	var sent atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	return timed(func() error {
		for range lanes {
			g.Go(func() error {
				for sent.Add(1) <= int64(n) {
					url := at + "/v1/customers/" + string(tenantOf(0)) + "/deviceBatches"
					if err := post(ctx, c, url, token, bytes.NewReader(body), int64(len(body))); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return g.Wait()
	})
}

// Middle serves the gateway's edge with nothing behind it, until ctx ends, and prints where
// and a token for it.
func Middle(ctx context.Context, l net.Listener, out io.Writer) error {
	dir, err := os.MkdirTemp("", "cs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	handler, token, err := edge(ctx, dir)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, l.Addr(), token); err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { <-ctx.Done(); _ = srv.Close() }()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// door is what lets the one client of these measurements in.
type door struct {
	site     authz.Site
	client   *oneClient
	verifier *authz.Verifier
	tokens   *authz.TokenEndpoint
	nonces   *authz.Nonces
	secret   string       // of the client
	log      *slog.Logger // written, and thrown away
}

// newDoor makes a door for a client that proves itself by a secret or, when its public keys
// are given (RFC 7517), by them.
func newDoor(dir, jwks string) (*door, error) {
	d := &door{log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	var err error
	if d.site, err = authz.NewSite("http://gateway.test"); err != nil {
		return nil, err
	}
	keys, err := authz.LoadKeys(dir, time.Now)
	if err != nil {
		return nil, err
	}
	secrets, err := authz.LoadSecrets(dir)
	if err != nil {
		return nil, err
	}
	d.client = &oneClient{standings: recent.New[models.ClientID, models.ClientStanding](time.Second, 10, time.Now), jwks: jwks}
	d.secret, d.client.digest = secrets.NewSecret()
	if d.nonces, err = authz.LoadNonces(dir); err != nil {
		return nil, err
	}
	if d.verifier, err = authz.NewVerifier(d.site, keys, d.client, d.nonces, time.Now); err != nil {
		return nil, err
	}
	d.tokens, err = authz.NewTokenEndpoint(authz.EndpointDeps{
		Site: d.site, Keys: keys, Secrets: secrets, Clients: d.client, Nonces: d.nonces, Verifier: d.verifier, Now: time.Now, NewID: newID, Logger: d.log,
	})
	return d, err
}

// token gets one for the client's secret.
func (d *door) token(ctx context.Context) (string, error) {
	basic := base64.StdEncoding.EncodeToString([]byte(string(lineID) + ":" + d.secret))
	issued, err := d.tokens.Exchange(ctx, authz.TokenRequest{Form: url.Values{"grant_type": {"client_credentials"}}, Authorization: "Basic " + basic})
	return issued.AccessToken, err
}

// edge is the gateway's own edge, with a token of the one client it knows.
func edge(ctx context.Context, dir string) (http.Handler, string, error) {
	d, err := newDoor(dir, "")
	if err != nil {
		return nil, "", err
	}
	token, err := d.token(ctx)
	if err != nil {
		return nil, "", err
	}
	handler, err := gateway.New(gateway.Deps{
		Verifier: d.verifier, Tokens: d.tokens, Nonces: d.nonces, JWKS: func() []byte { return []byte("{}") }, Metadata: []byte("{}"), Resource: []byte("{}"), OpenID: []byte("{}"), OpenAPI: []byte("{}"), Swagger: []byte("{}"),
		Throttle: budget{limiter: ratelimit.New(ratelimit.NewMemory(time.Now, 0), nil)}, Intake: digesting{}, Files: struct{ gateway.FileKeeper }{}, PublicURL: "http://gateway.test", Logger: d.log,
		Uploads: struct{ gateway.UploadReader }{}, Batches: struct{ gateway.BatchReader }{}, Consents: struct{ gateway.ConsentReader }{},
		ConsentAsker: struct{ gateway.ConsentAsker }{}, ConsentGrants: struct{ gateway.GrantChanger }{}, PartnerLinks: struct{ gateway.PartnerLinks }{},
		ConsentBlocks: struct{ gateway.PartnerBlocker }{}, Proofs: struct{ gateway.Proofs }{}, Feed: struct{ gateway.Feed }{},
		Customers: struct{ gateway.CustomerReader }{}, Devices: struct{ gateway.DeviceReader }{}, Attention: struct{ gateway.Attention }{},
		Permits: struct{ gateway.Permits }{}, Dispatches: struct{ gateway.Dispatches }{}, Tenants: struct{ gateway.TenantDesk }{}, Domains: struct{ gateway.DomainDesk }{}, Clients: struct{ gateway.ClientDesk }{},
	})
	return handler, token, err
}

// oneClient is a store of one client, which remembers for a second as the real one does.
type oneClient struct {
	digest    []byte
	standings *recent.Cache[models.ClientID, models.ClientStanding]
	jwks      string // empty for a client with a secret
}

// ClientStanding implements authz.TokenStore.
func (o *oneClient) ClientStanding(ctx context.Context, id models.ClientID) (models.ClientStanding, error) {
	return o.standings.Get(ctx, id, o.read)
}

func (o *oneClient) read(context.Context) (models.ClientStanding, error) {
	owner := partner
	c := models.OAuthClient{
		ID: lineID, OwnerKind: models.OwnerPartner, PartnerID: &owner, State: models.ClientActive, AuthMethod: models.ClientSecretBasic, Profile: models.ProfileLegacy,
		Scopes: authz.ScopeDevicesWrite,
	}
	if o.jwks != "" {
		c.AuthMethod, c.Profile, c.JWKS = models.PrivateKeyJWT, models.ProfileStandard, &o.jwks
	}
	return models.ClientStanding{PartnerKind: models.DirectReseller, Client: c}, nil
}

// ClientForAuth implements authz.ClientStore.
func (o *oneClient) ClientForAuth(ctx context.Context, id models.ClientID) (models.ClientStanding, [][]byte, error) {
	standing, err := o.ClientStanding(ctx, id)
	return standing, [][]byte{o.digest}, err
}

// UseOnce implements authz.OnceStore.
func (*oneClient) UseOnce(context.Context, models.ClientID, []byte, time.Time) (bool, error) {
	return true, nil
}

// RevokeToken implements authz.ClientStore.
func (*oneClient) RevokeToken(context.Context, models.ClientID, []byte, time.Time) error { return nil }

// NoteAuthentication implements authz.ClientStore.
func (*oneClient) NoteAuthentication(models.ClientID, string, bool) {}

// MarkUsed implements authz.ClientStore.
func (*oneClient) MarkUsed(context.Context, models.ClientID) error { return nil }

// budget charges calls as the server does, without an end.
type budget struct{ limiter *ratelimit.Limiter }

var endless = ratelimit.Rate{Count: 50_000_000, Period: time.Minute}

// Request implements gateway.Throttle.
func (b budget) Request(ctx context.Context, p authz.Principal) (ratelimit.Decision, error) {
	return b.limiter.Spend(ctx, []ratelimit.Charge{ratelimit.ForRequest(p.ClientID, endless)})
}

// Standing implements gateway.Throttle.
func (b budget) Standing(ctx context.Context, p authz.Principal, _ models.TenantID) (ratelimit.Decision, error) {
	free := ratelimit.ForRequest(p.ClientID, endless)
	free.Cost = 0
	return b.limiter.Peek(ctx, []ratelimit.Charge{free})
}

// TokenRequest implements gateway.Throttle.
func (budget) TokenRequest(context.Context, netip.Addr) (ratelimit.Decision, error) {
	return ratelimit.Decision{Admitted: true}, nil
}

// SecretAttempt implements gateway.Throttle.
func (budget) SecretAttempt(context.Context, models.ClientID, netip.Addr) (ratelimit.Decision, error) {
	return ratelimit.Decision{Admitted: true}, nil
}

// SecretProven implements gateway.Throttle.
func (budget) SecretProven(context.Context, ratelimit.Decision) error { return nil }

// digesting is an intake that reads a body to its end and keeps nothing.
type digesting struct{ gateway.Intake }

// Accept implements gateway.Intake.
func (digesting) Accept(_ context.Context, _ intake.Call, src intake.Source) (intake.Accepted, error) {
	if src.Digest() == nil {
		return intake.Accepted{}, errors.New("the body did not come to its end")
	}
	return intake.Accepted{Location: "/customers/1/batchJobStatus/2"}, nil
}
