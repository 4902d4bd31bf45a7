package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/authz"
	"countersign/gateway/ratelimit"
	"countersign/internal/errs"
)

// admit finds out who is calling and whether the table lets them: token, request
// budget, scope, audience, in this order, so that a caller who hammers at what it may
// not do runs out of budget too. A path or method nobody serves needs no token.
func (s *server) admit(c *gin.Context, x *exchange, r route) error {
	if r.public() {
		return nil
	}
	shown, err := presented(c.Request)
	if err != nil {
		return err
	}
	x.dpop = shown.DPoP
	shown.Proof = s.proofOf(c, shown.DPoP)
	p, err := s.Verifier.Verify(c.Request.Context(), shown)
	if err != nil {
		return err
	}
	x.principal = &p
	s.warn(c, p)
	c.Request = c.Request.WithContext(authz.WithPrincipal(c.Request.Context(), p))
	decision, err := s.Throttle.Request(c.Request.Context(), p)
	if err := s.throttled(c, decision, err); err != nil {
		return err
	}
	if !p.Has(r.scope) {
		return errScopeMissing.WithDetail("This call needs the scope %s, which the access token does not carry.", r.scope)
	}
	if !slices.Contains(r.audience, p.Kind) {
		return errWrongCaller.WithDetail("This call is for %s; the access token belongs to a %s.", oneOf(r.audience), p.Kind)
	}
	return nil
}

// throttled tells the caller where its budget stands and refuses when it is spent.
// Without budgets nothing is let through: an unlimited edge is not a safe default.
func (s *server) throttled(c *gin.Context, d ratelimit.Decision, err error) error {
	if err != nil {
		return errUnavailable.WithCause(err)
	}
	d.Headers(s.Now(), c.Writer.Header().Set)
	return d.Err()
}

// warn tells a client that it ends soon.
func (s *server) warn(c *gin.Context, p authz.Principal) {
	if _, soon := endsSoon(p.ExpiresAt, s.Now()); soon {
		c.Writer.Header().Set(headerCredentialExpires, p.ExpiresAt.UTC().Format(http.TimeFormat))
	}
}

// Headers of proofs of possession (RFC 9449).
const (
	headerProof = "DPoP"
	headerNonce = "DPoP-Nonce"
)

// presented takes the token from the one place RFC 6750 section 2.1 calls safe, and the
// certificate of the connection. Tokens in the query or in a form are not looked at; one in the query
// is reported as leaked.
func presented(r *http.Request) (authz.Presentation, error) {
	for name := range r.URL.Query() {
		if strings.EqualFold(name, "access_token") {
			return authz.Presentation{}, errTokenInURL
		}
	}
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return authz.Presentation{}, errTokenMissing
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	dpop := strings.EqualFold(scheme, "DPoP")
	known := dpop || strings.EqualFold(scheme, "Bearer")
	switch {
	case len(values) > 1 || token == "" && known || strings.ContainsAny(token, " \t,"):
		return authz.Presentation{}, errInvalidToken
	case !known:
		return authz.Presentation{}, errTokenMissing
	}
	shown := authz.Presentation{Token: token, DPoP: dpop}
	if chain := certificates(r); len(chain) > 0 {
		shown.Certificate = chain[0]
	}
	return shown, nil
}

// proofOf is what a request shows of DPoP; its method is the caller's, also for HEAD. Who
// sends a proof, or should have, gets a nonce for the next.
func (s *server) proofOf(c *gin.Context, expected bool) authz.Proof {
	proof := authz.Proof{Headers: c.Request.Header.Values(headerProof), Method: exchangeOf(c.Request.Context()).method}
	if proof.Sent() || expected {
		proof.URL = s.addressOf(c.Request)
		c.Writer.Header().Set(headerNonce, s.Nonces.Current(s.Now()))
	}
	return proof
}

// addressOf is the address of a call as its caller knows it: ours from outside, with the
// path as it was written.
func (s *server) addressOf(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if u, err := url.Parse(path); err == nil && u.IsAbs() {
		path = u.EscapedPath()
	}
	return s.baseOf(r) + path
}

// caller returns who is calling; the table lets no handler run without.
func caller(c *gin.Context) authz.Principal {
	p, ok := authz.PrincipalFrom(c.Request.Context())
	if !ok {
		panic(errs.New(errs.Internal, "internal", "a handler without principal"))
	}
	return p
}

func oneOf[T ~string](kinds []T) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = "a " + string(k)
		if strings.HasPrefix(string(k), "o") {
			words[i] = "an " + string(k)
		}
	}
	return strings.Join(words, " or ")
}
