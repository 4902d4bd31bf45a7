package authz

import (
	"fmt"
	"net/url"
	"strings"
)

// Where the authorization server's own documents are, below the issuer.
const (
	TokenPath         = "/oauth2/token"      //nolint:gosec // an address, no credential
	RevocationPath    = "/oauth2/revoke"     // RFC 7009
	IntrospectionPath = "/oauth2/introspect" // RFC 7662
	JWKSPath          = "/oauth2/jwks"
	MetadataPath      = "/.well-known/oauth-authorization-server" // RFC 8414 section 3

	ResourceMetadataPath = "/.well-known/oauth-protected-resource" // RFC 9728 section 3
)

// Site is who we are in tokens. Make one with NewSite: an empty issuer or
// audience would switch the token library's check off without a word.
type Site struct {
	issuer string
}

// NewSite takes the public address of the server as its issuer identifier: an
// http or https URL without query, fragment and trailing slash (RFC 8414
// section 2), because clients compare it byte by byte.
func NewSite(issuer string) (Site, error) {
	u, err := url.Parse(issuer)
	bad := err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery ||
		strings.Contains(issuer, "#") || strings.HasSuffix(issuer, "/") ||
		u.Scheme != "https" && u.Scheme != "http"
	if bad {
		return Site{}, fmt.Errorf("the public URL must be an http or https address without user, query, fragment and trailing slash, such as https://gateway.example.com")
	}
	return Site{issuer: issuer}, nil
}

// Issuer is the iss of our tokens and the only aud of a client assertion.
func (s Site) Issuer() string { return s.issuer }

// Audience is the aud of our access tokens. It differs from the issuer, so that
// an access token can never pass as a client assertion.
func (s Site) Audience() string { return s.issuer + "/api" }

func (s Site) check() error {
	if s.issuer == "" {
		return fmt.Errorf("authz: the site is empty: make it with NewSite")
	}
	return nil
}
