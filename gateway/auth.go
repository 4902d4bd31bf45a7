package gateway

import (
	"net/http"
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
	raw, err := bearer(c.Request)
	if err != nil {
		return err
	}
	p, err := s.Verifier.Verify(c.Request.Context(), raw)
	if err != nil {
		return err
	}
	x.principal = &p
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

// bearer takes the token from the one place RFC 6750 section 2.1 calls safe. Tokens in
// the query or in a form are not looked at; one in the query is reported as leaked.
func bearer(r *http.Request) (string, error) {
	for name := range r.URL.Query() {
		if strings.EqualFold(name, "access_token") {
			return "", errTokenInURL
		}
	}
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", errTokenMissing
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	switch {
	case len(values) > 1 || token == "" && strings.EqualFold(scheme, "Bearer") || strings.ContainsAny(token, " \t,"):
		return "", errInvalidToken
	case !strings.EqualFold(scheme, "Bearer"):
		return "", errTokenMissing
	}
	return token, nil
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
