package gateway

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
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
	_, token, err := s.tokenFor(c, func(url.Values) {})
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wire.Token{
		AccessToken: token.AccessToken, TokenType: token.Type, ExpiresIn: int64(token.ExpiresIn / time.Second), Scope: token.Scope,
	})
}

// guardRetry is when to come back while nobody knows how often a secret was guessed.
const guardRetry = 5 * time.Second

// authenticating makes a call that authenticates a client. A secret is charged for before it is looked
// at, per client and source: guesses made at the same time cannot all pass, and nobody
// locks a client out from elsewhere. What cannot be guessed, an assertion, goes on also
// while nobody knows how often was guessed.
func (s *server) authenticating(c *gin.Context, req authz.TokenRequest, call func(context.Context) error) error {
	ctx := c.Request.Context()
	client, guessable := authz.PresentedSecret(req)
	if !guessable {
		return call(ctx)
	}
	attempt, err := s.Throttle.SecretAttempt(ctx, client, peer(c.Request))
	if err != nil {
		return errUnavailable.WithRetryAfter(guardRetry).WithCause(err)
	}
	if err := attempt.Err(); err != nil {
		attempt.Headers(s.Now(), c.Writer.Header().Set)
		return err
	}
	err = call(ctx)
	var refusal *authz.OAuthError
	if errors.As(err, &refusal) && refusal.Kind == errs.Unauthenticated {
		return err
	}
	if err := s.Throttle.SecretProven(ctx, attempt); err != nil {
		s.Logger.WarnContext(ctx, "the charge of an authentication was not given back", "client", client, "error", err)
	}
	return err
}

// tokenRequest charges and reads a request of one of the endpoints for tokens.
func (s *server) tokenRequest(c *gin.Context) (authz.TokenRequest, error) {
	from := peer(c.Request)
	decision, err := s.Throttle.TokenRequest(c.Request.Context(), from)
	if err := s.throttled(c, decision, err); err != nil {
		return authz.TokenRequest{}, err
	}
	form, err := readForm(c.Request)
	if err != nil {
		return authz.TokenRequest{}, err
	}
	c.Writer.Header().Set("Pragma", "no-cache") // RFC 6749 section 5.1
	return authz.TokenRequest{
		Form: form, Authorization: c.Request.Header.Get("Authorization"), Proof: s.proofOf(c, false), Certificates: certificates(c.Request), RemoteAddr: from.String(),
	}, nil
}

// revokeToken ends an access token.
//
//	@Summary		End an access token of the caller (RFC 7009)
//	@Description	The answer is the same for every token, also for one that is unknown or another's. The client authenticates as at the token endpoint.
//	@Tags			oauth
//	@Accept			x-www-form-urlencoded
//	@Param			token					formData	string	true	"the access token"
//	@Param			token_type_hint			formData	string	false	"not looked at"
//	@Param			client_assertion_type	formData	string	false	"for private_key_jwt"
//	@Param			client_assertion		formData	string	false	"for private_key_jwt"
//	@Success		200
//	@Failure		400	{object}	wire.OAuthError
//	@Failure		401	{object}	wire.OAuthError
//	@Failure		429	{object}	wire.OAuthError
//	@Router			/oauth2/revoke [post]
func (s *server) revokeToken(c *gin.Context) error {
	req, err := s.tokenRequest(c)
	if err != nil {
		return err
	}
	if err := s.authenticating(c, req, func(ctx context.Context) error { return s.Tokens.Revoke(ctx, req) }); err != nil {
		return err
	}
	c.Status(http.StatusOK)
	return nil
}

// introspectToken tells whether a token is good.
//
//	@Summary		Whether an access token is good, and for what (RFC 7662)
//	@Description	For a client's own tokens; an operator's client with operations.read sees all. Whatever is not good is `{"active":false}` and nothing more.
//	@Tags			oauth
//	@Accept			x-www-form-urlencoded
//	@Param			token					formData	string	true	"the access token"
//	@Param			token_type_hint			formData	string	false	"not looked at"
//	@Param			client_assertion_type	formData	string	false	"for private_key_jwt"
//	@Param			client_assertion		formData	string	false	"for private_key_jwt"
//	@Success		200	{object}	wire.Introspection
//	@Failure		400	{object}	wire.OAuthError
//	@Failure		401	{object}	wire.OAuthError
//	@Failure		429	{object}	wire.OAuthError
//	@Router			/oauth2/introspect [post]
func (s *server) introspectToken(c *gin.Context) error {
	req, err := s.tokenRequest(c)
	if err != nil {
		return err
	}
	var status authz.TokenStatus
	err = s.authenticating(c, req, func(ctx context.Context) (err error) {
		status, err = s.Tokens.Introspect(ctx, req)
		return err
	})
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, introspection(status))
}

func introspection(s authz.TokenStatus) wire.Introspection {
	if !s.Active {
		return wire.Introspection{}
	}
	out := wire.Introspection{
		Active: true, Scope: s.Scope, ClientID: string(s.ClientID), TokenType: s.Type, Expires: s.ExpiresAt.Unix(), IssuedAt: s.IssuedAt.Unix(),
		Subject: string(s.ClientID), Audience: s.Audience, Issuer: s.Issuer, ID: s.ID,
	}
	if s.KeyThumbprint != "" || s.CertificateThumbprint != "" {
		out.Confirmation = &wire.Confirmation{KeyThumbprint: s.KeyThumbprint, CertificateThumbprint: s.CertificateThumbprint}
	}
	return out
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
	return document(c, "application/jwk-set+json", s.JWKS())
}

// resourceMetadata publishes where tokens for this service come from.
//
//	@Summary	Protected resource metadata (RFC 9728)
//	@Tags		oauth
//	@Success	200	{object}	object
//	@Router		/.well-known/oauth-protected-resource [get]
func (s *server) resourceMetadata(c *gin.Context) error {
	return document(c, "application/json", s.Resource)
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
