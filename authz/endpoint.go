package authz

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/errs"
	"countersign/models"
)

const grantClientCredentials = "client_credentials"

// TokenRequest is one call of the token endpoint. Form is the decoded body
// alone: parameters of the query do not belong to it (RFC 6749 section 3.2).
type TokenRequest struct {
	Form          url.Values
	Authorization string // the header's value; empty when it was not sent
	RemoteAddr    string // for the log
}

// TokenResponse is a successful answer (RFC 6749 section 5.1); the token's type
// is Bearer. Neither it nor an error may be cached.
type TokenResponse struct {
	AccessToken string
	ExpiresIn   time.Duration // whole seconds
	Scope       string        // space separated, what the token really carries
}

// EndpointDeps is what a token endpoint is made of; all of it is required.
type EndpointDeps struct {
	Site    Site
	Keys    *Keys
	Secrets *Secrets
	Clients ClientStore
	Now     func() time.Time
	NewID   func() string // for jti
	Logger  *slog.Logger
}

// TokenEndpoint is the logic behind the token endpoint: the client_credentials
// grant alone (RFC 6749 section 4.4), without refresh tokens.
type TokenEndpoint struct{ deps EndpointDeps }

// NewTokenEndpoint refuses to be made of incomplete parts.
func NewTokenEndpoint(deps EndpointDeps) (*TokenEndpoint, error) {
	if err := deps.Site.check(); err != nil {
		return nil, err
	}
	if deps.Keys == nil || deps.Keys.signing == nil || deps.Secrets == nil || len(deps.Secrets.pepper) != pepperBytes {
		return nil, fmt.Errorf("authz: a token endpoint needs loaded keys and secrets")
	}
	if deps.Clients == nil || deps.Now == nil || deps.NewID == nil || deps.Logger == nil {
		return nil, fmt.Errorf("authz: a token endpoint needs clients, a clock, ids and a log")
	}
	return &TokenEndpoint{deps}, nil
}

// Exchange authenticates the client and issues an access token. Every error is
// an *OAuthError. A refused call leaves nothing behind in the store.
func (e *TokenEndpoint) Exchange(ctx context.Context, req TokenRequest) (TokenResponse, error) {
	response, client, err := e.exchange(ctx, req)
	if err != nil {
		refusal := refusalOf(err)
		e.deps.Logger.InfoContext(ctx, "token refused", "code", refusal.Code, "client", claimedClient(req),
			"remote", req.RemoteAddr, "cause", refusal.cause)
		return TokenResponse{}, refusal
	}
	e.deps.Logger.InfoContext(ctx, "token issued", "client", client.ID, "remote", req.RemoteAddr, "scope", response.Scope)
	if err := e.deps.Clients.MarkUsed(ctx, client.ID); err != nil {
		e.deps.Logger.WarnContext(ctx, "last use of a client not noted", "client", client.ID, "cause", err)
	}
	return response, nil
}

func refusalOf(err error) *OAuthError {
	var refusal *OAuthError
	if errors.As(err, &refusal) {
		return refusal
	}
	return errServer(err)
}

func (e *TokenEndpoint) exchange(ctx context.Context, req TokenRequest) (TokenResponse, models.OAuthClient, error) {
	form, err := readForm(req.Form)
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	standing, err := e.authenticate(ctx, req.Authorization, form)
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	scopes, err := scopesFor(standing.Client, form["scope"])
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	claims := accessTokenFor(e.deps.Site, standing.Client.ID, scopes, e.deps.NewID(), e.deps.Now())
	token, err := e.deps.Keys.Sign(accessTokenType, claims)
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	return TokenResponse{AccessToken: token, ExpiresIn: AccessTokenLife, Scope: claims.Scope}, standing.Client, nil
}

// authenticate runs the one method of client authentication the request uses
// (RFC 6749 section 2.3: never more than one).
func (e *TokenEndpoint) authenticate(ctx context.Context, authorization string, form map[string]string) (models.ClientStanding, error) {
	byHeader := authorization != ""
	byAssertion := form["client_assertion"] != "" || form["client_assertion_type"] != ""
	bySecretInForm := form["client_secret"] != ""
	methods := 0
	for _, used := range []bool{byHeader, byAssertion, bySecretInForm} {
		if used {
			methods++
		}
	}
	switch {
	case methods > 1:
		return models.ClientStanding{}, errBadRequest("More than one method of client authentication was used. Send the Authorization header or a client_assertion, not both.")
	case byHeader:
		return e.bySecret(ctx, authorization, form["client_id"])
	case byAssertion:
		return e.byAssertion(ctx, form)
	case bySecretInForm:
		return models.ClientStanding{}, errBadCredential("A client_secret in the body is not accepted. Send it in the Authorization header (client_secret_basic).")
	}
	return models.ClientStanding{}, errBadCredential("The client did not authenticate. Use client_secret_basic or private_key_jwt.")
}

// lookUp returns a client; one that nobody holds is an empty standing, which may
// not act and matches nothing.
func (e *TokenEndpoint) lookUp(ctx context.Context, id string) (models.ClientStanding, [][]byte, error) {
	standing, digests, err := e.deps.Clients.ClientForAuth(ctx, models.ClientID(id))
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return models.ClientStanding{}, nil, nil
	}
	return standing, digests, err
}

// scopesFor decides the scopes of a token. Without a wish it is everything
// assigned; a wish is met exactly or refused, never widened and never cut.
func scopesFor(client models.OAuthClient, wish string) ([]string, error) {
	assigned := assignedScopes(client)
	if wish != "" {
		wanted := strings.Split(wish, " ")
		for _, s := range wanted {
			if !slices.Contains(assigned, s) {
				return nil, errBadScope("A requested scope is not one of this client's. Ask for fewer, or ask your operator to assign it.")
			}
		}
		assigned = slices.DeleteFunc(assigned, func(s string) bool { return !slices.Contains(wanted, s) })
	}
	if len(assigned) == 0 {
		return nil, errBadScope("No scope is assigned to this client. Ask your operator to assign one.")
	}
	return assigned, nil
}

func errBadScope(description string) *OAuthError {
	return &OAuthError{Code: "invalid_scope", Description: description, Kind: errs.Invalid}
}
