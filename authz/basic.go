package authz

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"

	"countersign/models"
)

var (
	errWrongSecret = errors.New("the client is unknown or the secret is not one of its live ones")
	errWrongMethod = errors.New("the client is registered for another authentication method")
)

// bySecret is client_secret_basic. An unknown client costs what a wrong secret
// costs: one look-up, one digest, two comparisons.
func (e *TokenEndpoint) bySecret(ctx context.Context, authorization, formID string) (models.ClientStanding, error) {
	id, secret, ok := readBasic(authorization)
	if !ok {
		return models.ClientStanding{}, errBadCredential("The Authorization header is not Basic with a form-urlencoded client id and secret (RFC 6749 section 2.3.1).")
	}
	if formID != "" && formID != id {
		return models.ClientStanding{}, errBadRequest("The client_id in the body is not the one in the Authorization header.")
	}
	return e.provenBy(ctx, id, secret)
}

// errBodySecret is told after a good secret only.
const errBodySecret = "This client may not send its secret in the body, or not any more. Send it in the Authorization header (client_secret_basic), or ask your operator."

// byBodySecret is client_secret_post, for clients that may use it still: a secret in a body
// ends up in more logs than one in a header.
func (e *TokenEndpoint) byBodySecret(ctx context.Context, form map[string]string) (models.ClientStanding, error) {
	if form["client_id"] == "" {
		return models.ClientStanding{}, errBadRequest("The parameter client_id is missing.")
	}
	standing, err := e.provenBy(ctx, form["client_id"], form["client_secret"])
	if err != nil {
		return models.ClientStanding{}, err
	}
	if !standing.Client.MayBeLegacy(e.deps.Now()) {
		return models.ClientStanding{}, errBadCredential(errBodySecret)
	}
	return standing, nil
}

// refusalTakes is how long it takes to refuse a secret, whatever is wrong with it: longer
// than what is done for it, so that nobody learns from the time whether there is such a
// client.
const refusalTakes = 10 * time.Millisecond

// provenBy is the client that a secret belongs to.
func (e *TokenEndpoint) provenBy(ctx context.Context, id, secret string) (models.ClientStanding, error) {
	begun := e.deps.Now()
	standing, err := e.checkSecret(ctx, id, secret)
	if err != nil {
		_ = e.deps.PauseFunc(ctx, refusalTakes-e.deps.Now().Sub(begun)) // whoever hung up is refused, too
		return models.ClientStanding{}, err
	}
	return standing, nil
}

func (e *TokenEndpoint) checkSecret(ctx context.Context, id, secret string) (models.ClientStanding, error) {
	standing, digests, err := e.lookUp(ctx, id)
	if err != nil {
		return models.ClientStanding{}, err
	}
	proven := e.deps.Secrets.matches(secret, digests)
	switch {
	case !proven:
		return models.ClientStanding{}, errUnproven(errWrongSecret)
	case standing.Client.AuthMethod != models.ClientSecretBasic:
		return models.ClientStanding{}, errUnproven(errWrongMethod)
	case !standing.MayAct(e.deps.Now()):
		return models.ClientStanding{}, errUnproven(errNoStanding)
	}
	return standing, nil
}

// PresentedSecret returns the client id that a request presents a secret for, and false
// when it presents none: only a secret can be guessed. The id may be anything.
func PresentedSecret(req TokenRequest) (models.ClientID, bool) {
	if secret := req.Form.Get("client_secret"); secret != "" && req.Authorization == "" {
		return models.ClientID(req.Form.Get("client_id")), true
	}
	id, _, ok := readBasic(req.Authorization)
	return models.ClientID(id), ok
}

// readBasic decodes the credentials of RFC 6749 section 2.3.1: Basic, with both
// halves form-urlencoded before they were joined. net/http's BasicAuth leaves
// them encoded. It is false for everything else, and for an empty half.
func readBasic(authorization string) (id, secret string, ok bool) {
	scheme, encoded, found := strings.Cut(authorization, " ")
	if !found || !strings.EqualFold(scheme, "Basic") || len(encoded) > maxCredentialBytes {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	user, password, found := strings.Cut(string(decoded), ":")
	id, errID := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	if !found || errID != nil || errSecret != nil || id == "" || secret == "" {
		return "", "", false
	}
	return id, secret, true
}
