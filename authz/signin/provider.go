package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"countersign/models"
)

// What is remembered of providers.
const (
	providerLife = time.Hour
	maxProviders = 1000
)

// algorithms are the signatures an ID token may have. None needs our client secret as
// its key, so a token can never be signed by whoever learned that.
var algorithms = []string{oidc.RS256, oidc.PS256, oidc.ES256, oidc.EdDSA}

// provider is what a tenant's provider says about itself (OpenID Connect Discovery 1.0).
type provider struct {
	*oidc.Provider
	sendsIssuer bool // authorization_response_iss_parameter_supported (RFC 9207 section 3)
	learned     time.Time
}

// providers asks each provider once an hour.
type providers struct {
	outside Outside
	now     func() time.Time
	asking  singleflight.Group
	mu      sync.Mutex
	known   map[string]*provider
}

func newProviders(outside Outside, now func() time.Time) *providers {
	return &providers{outside: outside, now: now, known: map[string]*provider{}}
}

// find returns the provider behind an issuer.
func (p *providers) find(ctx context.Context, issuer string) (*provider, error) {
	p.mu.Lock()
	known := p.known[issuer]
	p.mu.Unlock()
	if known != nil && p.now().Sub(known.learned) < providerLife {
		return known, nil
	}
	return p.ask(ctx, issuer)
}

// ask reads the provider's own description, whatever is remembered.
func (p *providers) ask(ctx context.Context, issuer string) (*provider, error) {
	found, err, _ := p.asking.Do(issuer, func() (any, error) {
		// One caller's giving up must not fail the others; the client bounds the time.
		return p.discover(context.WithoutCancel(ctx), issuer)
	})
	if err != nil {
		return nil, err
	}
	learned := found.(*provider)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxProviders {
		clear(p.known)
	}
	p.known[issuer] = learned
	return learned, nil
}

func (p *providers) discover(ctx context.Context, issuer string) (*provider, error) {
	if err := p.outside.CheckURL(issuer); err != nil {
		return nil, fmt.Errorf("the issuer %w", err)
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.outside.HTTP()), issuer)
	if err != nil {
		return nil, shorten(err)
	}
	var more struct {
		JWKS          string   `json:"jwks_uri"`
		ResponseTypes []string `json:"response_types_supported"`
		Challenges    []string `json:"code_challenge_methods_supported"`
		SendsIssuer   bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, shorten(err)
	}
	for name, address := range map[string]string{
		"authorization_endpoint": found.Endpoint().AuthURL, "token_endpoint": found.Endpoint().TokenURL, "jwks_uri": more.JWKS,
	} {
		if err := p.outside.CheckURL(address); err != nil {
			return nil, fmt.Errorf("its %s %w", name, err)
		}
	}
	if len(more.ResponseTypes) > 0 && !slices.Contains(more.ResponseTypes, "code") {
		return nil, errors.New("it does not offer the response type code")
	}
	// Many providers take S256 without saying so; one that says what it takes must say S256.
	if len(more.Challenges) > 0 && !slices.Contains(more.Challenges, "S256") {
		return nil, errors.New("it does not take PKCE with S256")
	}
	return &provider{Provider: found, sendsIssuer: more.SendsIssuer, learned: p.now()}, nil
}

// shorten keeps what a provider wrote out of the log, but for its beginning.
func shorten(err error) error {
	text := []rune(strings.ToValidUTF8(err.Error(), "?"))
	if len(text) <= 300 {
		return err
	}
	return errors.New(string(text[:300]) + "…")
}

// config is the OAuth client that we are at a provider.
func (s *Service) config(p *provider, settings models.TenantSignIn, secret string) *oauth2.Config {
	endpoint := p.Endpoint()
	endpoint.AuthStyle = oauth2.AuthStyleInParams
	if settings.AuthMethod == models.ProviderBasic {
		endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	return &oauth2.Config{
		ClientID: settings.ClientID, ClientSecret: secret, Endpoint: endpoint,
		RedirectURL: s.deps.PortalURL + CallbackPath, Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}
}

// clientAssertion proves us by our own key (RFC 7523; its audience is the issuer, as
// the FAPI 2.0 Security Profile wants, section 5.3.3.1).
func (s *Service) clientAssertion(settings models.TenantSignIn) ([]oauth2.AuthCodeOption, error) {
	now := s.deps.Now()
	assertion, err := s.deps.Signer.Sign("client-authentication+jwt", map[string]any{
		"iss": settings.ClientID, "sub": settings.ClientID, "aud": settings.Issuer, "jti": s.deps.NewID(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	if err != nil {
		return nil, err
	}
	return []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
		oauth2.SetAuthURLParam("client_assertion", assertion),
	}, nil
}

// secretOf opens the client secret of a tenant.
func (s *Service) secretOf(settings models.TenantSignIn) (string, error) {
	switch {
	case settings.Version == 0:
		return s.deps.Shared.ClientSecret, nil
	case settings.SealedSecret == nil:
		return "", nil
	}
	return s.deps.Sealer.Open(settings.SealedSecret, sealPlace(settings.TenantID))
}

// sealPlace binds a sealed secret to its row.
func sealPlace(tenant models.TenantID) string { return "tenant_sign_ins:" + string(tenant) }

// exchange turns the code into the provider's tokens (RFC 6749 section 4.1.3).
func (s *Service) exchange(ctx context.Context, p *provider, settings models.TenantSignIn, code, verifier string) (*oauth2.Token, error) {
	secret, err := s.secretOf(settings)
	if err != nil {
		return nil, err
	}
	options := []oauth2.AuthCodeOption{oauth2.VerifierOption(verifier)}
	if settings.AuthMethod == models.ProviderKeyJWT {
		proof, err := s.clientAssertion(settings)
		if err != nil {
			return nil, err
		}
		options = append(options, proof...)
	}
	token, err := s.config(p, settings, secret).Exchange(oidc.ClientContext(ctx, s.deps.Outside.HTTP()), code, options...)
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("the token endpoint answered %d %q", refused.Response.StatusCode, cut(refused.ErrorCode, 60))
	}
	if err != nil {
		return nil, fmt.Errorf("the token endpoint: %w", shorten(err))
	}
	return token, nil
}
