package authz

import "github.com/go-json-experiment/json"

// Metadata returns the authorization server metadata of RFC 8414. It advertises
// what works and nothing else; response_types_supported is required there and
// empty here, because nobody signs in at this server.
func Metadata(site Site) ([]byte, error) {
	if err := site.check(); err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Issuer        string   `json:"issuer"`
		TokenEndpoint string   `json:"token_endpoint"`
		JWKSURI       string   `json:"jwks_uri"`
		Scopes        []string `json:"scopes_supported"`
		ResponseTypes []string `json:"response_types_supported"`
		GrantTypes    []string `json:"grant_types_supported"`
		AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
		AuthAlgs      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	}{
		Issuer:        site.issuer,
		TokenEndpoint: site.issuer + TokenPath,
		JWKSURI:       site.issuer + JWKSPath,
		Scopes:        AllScopes(),
		ResponseTypes: []string{},
		GrantTypes:    []string{grantClientCredentials},
		AuthMethods:   []string{"client_secret_basic", "private_key_jwt"},
		AuthAlgs:      []string{algES256, algPS256, algEdDSA},
	})
}
