package authz

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/internal/errs"
	"countersign/internal/pause"
	"countersign/models"
)

const grantClientCredentials = "client_credentials"

// TokenRequest is one call of the token endpoint. Form is the decoded body
// alone: parameters of the query do not belong to it (RFC 6749 section 3.2).
type TokenRequest struct {
	Form          url.Values
	Authorization string // the header's value; empty when it was not sent
	Proof         Proof  // of possession; sent or not
	// Certificates is the client's certificate of the connection and what it sent to vouch for
	// it; empty for none.
	Certificates []*x509.Certificate
	RemoteAddr   string // for the log
}

// TokenResponse is a successful answer (RFC 6749 section 5.1). Neither it nor an error
// may be cached.
type TokenResponse struct {
	AccessToken string
	Type        string        // Bearer, or DPoP (RFC 9449 section 5)
	ExpiresIn   time.Duration // whole seconds
	Scope       string        // space separated, what the token really carries
}

// EndpointDeps is what a token endpoint is made of; all of it is required.
type EndpointDeps struct {
	Site    Site
	Keys    *Keys
	Secrets *Secrets
	Clients ClientStore
	Nonces  *Nonces
	// Verifier reads the tokens that are asked about.
	Verifier *Verifier
	// RemoteKeys are the key sets that clients publish; nil: none can.
	RemoteKeys *RemoteKeys
	// ForeignKeys are the key sets of customers' own issuers; nil: none is known.
	ForeignKeys *RemoteKeys
	// ClientCAsFunc tells who vouches for the certificates of clients now (tls_client_auth);
	// nil: nobody does.
	ClientCAsFunc func() *x509.CertPool
	Now           func() time.Time
	// PauseFunc waits; nil waits by the machine's clock.
	PauseFunc func(ctx context.Context, d time.Duration) error
	NewID     func() string // for jti
	Logger    *slog.Logger
}

// TokenEndpoint is the logic behind the token endpoint: the client_credentials
// grant alone (RFC 6749 section 4.4), without refresh tokens.
type TokenEndpoint struct{ deps EndpointDeps }

// NewTokenEndpoint refuses to be made of incomplete parts.
func NewTokenEndpoint(deps EndpointDeps) (*TokenEndpoint, error) {
	if err := deps.Site.check(); err != nil {
		return nil, err
	}
	if !deps.Keys.ready() || deps.Secrets == nil || len(deps.Secrets.pepper) != pepperBytes {
		return nil, fmt.Errorf("authz: a token endpoint needs loaded keys and secrets")
	}
	if deps.Clients == nil || deps.Nonces == nil || deps.Verifier == nil || deps.Now == nil || deps.NewID == nil || deps.Logger == nil {
		return nil, fmt.Errorf("authz: a token endpoint needs clients, nonces, a verifier, a clock, ids and a log")
	}
	if deps.PauseFunc == nil {
		deps.PauseFunc = pause.For
	}
	return &TokenEndpoint{deps}, nil
}

// Exchange authenticates the client and issues an access token. Every error is
// an *OAuthError. A refused call leaves nothing behind in the store.
func (e *TokenEndpoint) Exchange(ctx context.Context, req TokenRequest) (TokenResponse, error) {
	response, client, err := e.exchange(ctx, req)
	if err != nil {
		return TokenResponse{}, e.refused(ctx, "token refused", req, err)
	}
	e.deps.Logger.InfoContext(ctx, "token issued", "client", client.ID, "remote", req.RemoteAddr, "scope", response.Scope)
	if err := e.deps.Clients.MarkUsed(ctx, client.ID); err != nil {
		e.deps.Logger.WarnContext(ctx, "last use of a client not noted", "client", client.ID, "cause", err)
	}
	e.deps.Clients.NoteAuthentication(client.ID, req.RemoteAddr, false)
	return response, nil
}

// refused makes a refusal of an error and notes it.
func (e *TokenEndpoint) refused(ctx context.Context, what string, req TokenRequest, err error) *OAuthError {
	refusal := refusalOf(err)
	claimed := claimedClient(req)
	if refusal.Code == "invalid_client" && claimed != "" {
		e.deps.Clients.NoteAuthentication(models.ClientID(claimed), req.RemoteAddr, true)
	}
	e.deps.Logger.InfoContext(ctx, what, "code", refusal.Code, "client", claimed, "remote", req.RemoteAddr, "cause", refusal.cause)
	return refusal
}

func refusalOf(err error) *OAuthError {
	var refusal *OAuthError
	if errors.As(err, &refusal) {
		return refusal
	}
	// Both are answered with 400 here (RFC 9449 sections 5 and 8).
	for _, known := range []*errs.Error{ErrInvalidProof, ErrUseNonce} {
		if errors.Is(err, known) {
			return &OAuthError{Code: known.Code, Description: errs.From(err).Detail, Kind: errs.Invalid}
		}
	}
	return errServer(err)
}

func (e *TokenEndpoint) exchange(ctx context.Context, req TokenRequest) (TokenResponse, models.OAuthClient, error) {
	form, err := readForm(req.Form)
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	who, err := e.authenticate(ctx, req, form)
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	client := who.standing.Client
	scopes, err := scopesFor(client, form["scope"])
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	bound, err := e.bind(ctx, req, who)
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	claims := accessTokenFor(e.deps.Site, client, scopes, bound, e.deps.NewID(), e.deps.Now())
	token, err := e.deps.Keys.Sign(accessTokenType, claims)
	if err != nil {
		return TokenResponse{}, models.OAuthClient{}, err
	}
	response := TokenResponse{AccessToken: token, Type: "Bearer", ExpiresIn: tokenLife(client.Profile), Scope: claims.Scope}
	if req.Proof.Sent() {
		response.Type = "DPoP"
	}
	return response, client, nil
}

// authenticated is a client that has proved itself, and by which assertion, which is used
// up when everything else about the request is right; nil for a secret.
type authenticated struct {
	standing  models.ClientStanding
	assertion *claimSet
}

// bind decides what the new token is bound to. Assertion and proof are used up here, at the
// end of all checks, so that a refused request leaves nothing behind.
func (e *TokenEndpoint) bind(ctx context.Context, req TokenRequest, who authenticated) (*confirmation, error) {
	client := who.standing.Client
	strict := client.Profile == models.ProfileStrict
	var bound *confirmation
	var proof checkedProof
	if req.Proof.Sent() {
		var err error
		if proof, err = checkProof(req.Proof, "", e.deps.Nonces, strict, e.deps.Now()); err != nil {
			return nil, err
		}
		bound = &confirmation{KeyThumbprint: proof.thumbprint}
	} else if len(req.Certificates) > 0 {
		if err := checkDates(req.Certificates[0], e.deps.Now()); err != nil {
			return nil, errBadCredential("%s", errs.From(err).Detail)
		}
		bound = &confirmation{CertificateThumbprint: digestOf(req.Certificates[0].Raw)}
	}
	if strict && bound == nil {
		return nil, errBadRequest("This client gets tokens only that are bound to a key or a certificate: send a DPoP proof (RFC 9449), or use the address for certificates (RFC 8705).")
	}
	if who.assertion != nil {
		if err := e.useUp(ctx, client.ID, *who.assertion); err != nil {
			return nil, err
		}
	}
	if req.Proof.Sent() {
		if err := useProof(ctx, e.deps.Clients, client.ID, proof); err != nil {
			return nil, err
		}
	}
	return bound, nil
}

// authenticate runs the one method of client authentication the request uses
// (RFC 6749 section 2.3: never more than one).
func (e *TokenEndpoint) authenticate(ctx context.Context, req TokenRequest, form map[string]string) (authenticated, error) {
	byHeader := req.Authorization != ""
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
		return authenticated{}, errBadRequest("More than one method of client authentication was used. Send the Authorization header or a client_assertion, not both.")
	case byHeader:
		standing, err := e.bySecret(ctx, req.Authorization, form["client_id"])
		return authenticated{standing: standing}, err
	case byAssertion:
		return e.byAssertion(ctx, form)
	case bySecretInForm:
		standing, err := e.byBodySecret(ctx, form)
		return authenticated{standing: standing}, err
	case len(req.Certificates) > 0 && form["client_id"] != "":
		standing, err := e.byCertificate(ctx, form["client_id"], req.Certificates)
		return authenticated{standing: standing}, err
	}
	return authenticated{}, errBadCredential("The client did not authenticate. Use private_key_jwt, client_secret_basic, or a certificate with the parameter client_id.")
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
