package client

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
)

// Credentials prove a client at the token endpoint. Secret and Assertion make them.
type Credentials interface {
	// prove adds the proof to a token request. audience is the issuer the proof
	// is for; id is a fresh credential for each call.
	prove(ctx context.Context, audience string, header http.Header, form url.Values) error
}

// Secret authenticates by client_secret_basic.
func Secret(clientID, secret string) Credentials { return basic{clientID, secret} }

type basic struct{ id, secret string }

// prove form-urlencodes both halves before they are joined (RFC 6749 section
// 2.3.1), which net/http's SetBasicAuth does not.
func (b basic) prove(_ context.Context, _ string, header http.Header, _ url.Values) error {
	pair := url.QueryEscape(b.id) + ":" + url.QueryEscape(b.secret)
	header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	return nil
}

// String hides the secret from %v.
func (b basic) String() string { return "client_secret_basic of " + b.id }

// GoString hides the secret from %#v.
func (b basic) GoString() string { return b.String() }

// SignFunc makes a client assertion (RFC 7523 section 3) whose sole audience is
// the given one. It is called anew for every token request: an assertion works once.
type SignFunc func(ctx context.Context, audience string) (string, error)

// Assertion authenticates by private_key_jwt.
func Assertion(clientID string, sign SignFunc) Credentials { return assertion{clientID, sign} }

type assertion struct {
	id   string
	sign SignFunc
}

func (a assertion) prove(ctx context.Context, audience string, _ http.Header, form url.Values) error {
	signed, err := a.sign(ctx, audience)
	if err != nil {
		return err
	}
	form.Set("client_id", a.id)
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", signed)
	return nil
}
