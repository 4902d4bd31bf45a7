package gateway

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"countersign/authz"
	"countersign/gateway/wire"
	"countersign/internal/errs"
)

// issueToken is the token endpoint.
//
//	@Summary	Get an access token
//	@Tags		oauth
//	@Accept		x-www-form-urlencoded
//	@Param		grant_type				formData	string	true	"client_credentials"
//	@Param		scope					formData	string	false	"space separated; absent for all that the client has"
//	@Param		client_assertion_type	formData	string	false	"for private_key_jwt"
//	@Param		client_assertion		formData	string	false	"for private_key_jwt"
//	@Success	200	{object}	wire.Token
//	@Failure	400	{object}	wire.OAuthError
//	@Failure	401	{object}	wire.OAuthError
//	@Failure	429	{object}	wire.OAuthError
//	@Router		/oauth2/token [post]
func (s *server) issueToken(c *gin.Context) error {
	decision, err := s.Throttle.TokenRequest(c.Request.Context(), source(c.Request))
	if err := s.throttled(c, decision, err); err != nil {
		return err
	}
	form, err := readForm(c.Request)
	if err != nil {
		return err
	}
	token, err := s.exchangeToken(c, authz.TokenRequest{
		Form: form, Authorization: c.Request.Header.Get("Authorization"), RemoteAddr: c.Request.RemoteAddr,
	})
	if err != nil {
		return err
	}
	c.Writer.Header().Set("Pragma", "no-cache") // RFC 6749 section 5.1
	return answer(c, http.StatusOK, wire.Token{
		AccessToken: token.AccessToken, TokenType: "Bearer", ExpiresIn: int64(token.ExpiresIn / time.Second), Scope: token.Scope,
	})
}

// guardRetry is when to come back while nobody knows how often a secret was guessed.
const guardRetry = 5 * time.Second

// exchangeToken authenticates the client. A secret is charged for before it is looked
// at, per client and source: guesses made at the same time cannot all pass, and nobody
// locks a client out from elsewhere. What cannot be guessed, an assertion, goes on also
// while nobody knows how often was guessed.
func (s *server) exchangeToken(c *gin.Context, req authz.TokenRequest) (authz.TokenResponse, error) {
	ctx := c.Request.Context()
	client, guessable := authz.PresentedSecret(req)
	if !guessable {
		return s.Tokens.Exchange(ctx, req)
	}
	attempt, err := s.Throttle.SecretAttempt(ctx, client, source(c.Request))
	if err != nil {
		return authz.TokenResponse{}, errUnavailable.WithRetryAfter(guardRetry).WithCause(err)
	}
	if err := attempt.Err(); err != nil {
		attempt.Headers(s.Now(), c.Writer.Header().Set)
		return authz.TokenResponse{}, err
	}
	token, err := s.Tokens.Exchange(ctx, req)
	var refusal *authz.OAuthError
	if errors.As(err, &refusal) && refusal.Kind == errs.Unauthenticated {
		return token, err
	}
	if err := s.Throttle.SecretProven(ctx, attempt); err != nil {
		s.Logger.WarnContext(ctx, "the charge of an authentication was not given back", "client", client, "error", err)
	}
	return token, err
}

// readForm reads the body of a token request; parameters of the query do not count
// (RFC 6749 section 3.2).
func readForm(r *http.Request) (url.Values, error) {
	if len(r.Header.Values("Authorization")) > 1 {
		return nil, badRequest("There is more than one Authorization header.")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" || r.Header.Get("Content-Encoding") != "" {
		return nil, badRequest("Send the parameters as application/x-www-form-urlencoded, without Content-Encoding.")
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, authz.MaxTokenRequestBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > authz.MaxTokenRequestBytes {
		return nil, badRequest("The body is larger than a token request may be.")
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, badRequest("The body is not form encoded.")
	}
	return form, nil
}

func badRequest(description string) error {
	return &authz.OAuthError{Code: "invalid_request", Description: description, Kind: errs.Invalid}
}

// source is the address of the sender as the connection knows it; what headers say
// about it is not believed.
func source(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr()
}

// writeOAuthError answers in the words of RFC 6749 section 5.2, whatever went wrong.
func (s *server) writeOAuthError(c *gin.Context, e *errs.Error, err error) {
	body, status := wire.OAuthError{Error: "server_error", Description: e.Detail}, statusOf(e, false)
	var refusal *authz.OAuthError
	switch {
	case errors.As(err, &refusal):
		body = wire.OAuthError{Error: refusal.Code, Description: refusal.Description}
		status = statusOf(errs.New(refusal.Kind, refusal.Code, ""), false)
	case e.Kind == errs.RateLimited || e.Kind == errs.Unavailable:
		body.Error = "temporarily_unavailable"
	case e.Kind != errs.Internal:
		body.Error = "invalid_request"
	}
	h := c.Writer.Header()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="countersign", charset="UTF-8"`)
	}
	h.Set("Pragma", "no-cache")
	setRetryAfter(h, status, e.RetryAfter)
	writeJSON(c, status, "application/json; charset=utf-8", body)
}

// jwks publishes the keys that tokens are verified with.
//
//	@Summary	Public keys of the authorization server (RFC 7517)
//	@Tags		oauth
//	@Success	200	{object}	object
//	@Router		/oauth2/jwks [get]
func (s *server) jwks(c *gin.Context) error {
	return document(c, "application/jwk-set+json", s.JWKS)
}

// metadata publishes the authorization server metadata.
//
//	@Summary	Authorization server metadata (RFC 8414)
//	@Tags		oauth
//	@Success	200	{object}	object
//	@Router		/.well-known/oauth-authorization-server [get]
func (s *server) metadata(c *gin.Context) error {
	return document(c, "application/json", s.Metadata)
}
