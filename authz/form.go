package authz

import (
	"net/url"
	"slices"
	"strings"

	"countersign/internal/errs"
	"countersign/models"
)

// Limits of a token request, checked before any cryptographic work.
const (
	MaxTokenRequestBytes = 16 << 10 // of the body; the reader of the body enforces it
	maxParameters        = 32
	maxCredentialBytes   = 1 << 10 // an Authorization header, a scope, a client id
)

// readForm reads the parameters of a token request.
func readForm(values url.Values) (map[string]string, error) {
	form, err := readParameters(values)
	if err != nil {
		return nil, err
	}
	switch form["grant_type"] {
	case grantClientCredentials:
		return form, nil
	case "":
		return nil, errBadRequest("The parameter grant_type is missing. It must be client_credentials.")
	}
	return nil, &OAuthError{Code: "unsupported_grant_type", Description: "Only grant_type client_credentials is supported.", Kind: errs.Invalid}
}

// readParameters flattens the parameters. RFC 6749 section 3.2: one without a value
// counts as omitted, an unknown one is ignored, a repeated one is refused.
func readParameters(values url.Values) (map[string]string, error) {
	if len(values) > maxParameters {
		return nil, errBadRequest("The request has more than %d parameters.", maxParameters)
	}
	form := make(map[string]string, len(values))
	for name, list := range values {
		if len(list) > 1 {
			return nil, errBadRequest("A parameter was sent more than once.")
		}
		for _, value := range list {
			if len(value) > maxParameterBytes(name) {
				return nil, errBadRequest("A parameter is too long.")
			}
			form[name] = value
		}
	}
	return form, nil
}

func maxParameterBytes(name string) int {
	if name == "client_assertion" || name == "token" {
		return maxTokenBytes
	}
	return maxCredentialBytes
}

// claimedClient is who the caller says it is, unproven, for the log. Only what
// has the form of a client id is written there: people do mix up the id and the
// secret.
func claimedClient(req TokenRequest) string {
	id := req.Form.Get("client_id")
	if user, _, ok := readBasic(req.Authorization); ok {
		id = user
	} else if id == "" {
		token, _ := readCompact(req.Form.Get("client_assertion")) // nothing names nobody
		id = token.claims.Issuer
	}
	kind, guid, _ := strings.Cut(id, "-")
	if !slices.Contains([]string{"p", "t", "o"}, kind) || !models.ValidGUID(guid) {
		return ""
	}
	return id
}
