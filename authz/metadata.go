package authz

import "github.com/go-json-experiment/json"

// serverMetadata is what we say about the authorization server (RFC 8414 section 2).
type serverMetadata struct {
	Issuer        string   `json:"issuer"`
	TokenEndpoint string   `json:"token_endpoint"`
	JWKSURI       string   `json:"jwks_uri"`
	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgs      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	ProofAlgs     []string `json:"dpop_signing_alg_values_supported"` // RFC 9449 section 5.1
	Resources     []string `json:"protected_resources"`               // RFC 9728 section 4

	Revocation         string   `json:"revocation_endpoint"`
	RevocationMethods  []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgs     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	Introspection      string   `json:"introspection_endpoint"`
	IntrospectionMeans []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgs  []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`

	BoundToCertificates bool              `json:"tls_client_certificate_bound_access_tokens,omitzero"` // RFC 8705 section 3.3
	Aliases             map[string]string `json:"mtls_endpoint_aliases,omitempty"`                     // RFC 8705 section 5
}

// Metadata returns the authorization server metadata of RFC 8414. It advertises
// what works and nothing else; response_types_supported is required there and
// empty here, because nobody signs in at this server.
func Metadata(site Site, mutual Mutual) ([]byte, error) {
	if err := site.check(); err != nil {
		return nil, err
	}
	methods, algs := mutual.authMethods(), SigningAlgorithms()
	return json.Marshal(serverMetadata{
		Issuer: site.issuer, TokenEndpoint: site.issuer + TokenPath, JWKSURI: site.issuer + JWKSPath,
		Scopes: AllScopes(), ResponseTypes: []string{}, GrantTypes: []string{grantClientCredentials},
		AuthMethods: methods, AuthAlgs: algs, ProofAlgs: algs, Resources: []string{site.issuer},
		Revocation: site.issuer + RevocationPath, RevocationMethods: methods, RevocationAlgs: algs,
		Introspection: site.issuer + IntrospectionPath, IntrospectionMeans: methods, IntrospectionAlgs: algs,
		BoundToCertificates: mutual.URL != "", Aliases: mutual.aliases(),
	})
}

// Mutual is where clients show certificates. The zero value is a server that asks for none.
type Mutual struct {
	URL string // without trailing slash
	CAs bool   // whether there are authorities that vouch for clients
}

func (m Mutual) authMethods() []string {
	methods := []string{"client_secret_basic", "private_key_jwt"}
	switch {
	case m.URL != "" && m.CAs:
		return append(methods, "tls_client_auth", "self_signed_tls_client_auth")
	case m.URL != "":
		return append(methods, "self_signed_tls_client_auth")
	}
	return methods
}

func (m Mutual) aliases() map[string]string {
	if m.URL == "" {
		return nil
	}
	return map[string]string{
		"token_endpoint": m.URL + TokenPath, "revocation_endpoint": m.URL + RevocationPath, "introspection_endpoint": m.URL + IntrospectionPath,
	}
}

// SigningAlgorithms lists the algorithms by which clients may sign, assertions and proofs
// alike; the last two are one under two names.
func SigningAlgorithms() []string { return []string{algES256, algPS256, algEdDSA, algEd25519} }

// ResourceMetadata returns the protected resource metadata of RFC 9728: who finds the API
// first finds the authorization server by it.
func ResourceMetadata(site Site, mutual Mutual) ([]byte, error) {
	if err := site.check(); err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Resource  string   `json:"resource"`
		Servers   []string `json:"authorization_servers"`
		Scopes    []string `json:"scopes_supported"`
		Methods   []string `json:"bearer_methods_supported"`
		ProofAlgs []string `json:"dpop_signing_alg_values_supported"`
		Docs      string   `json:"resource_documentation"`
		Bound     bool     `json:"tls_client_certificate_bound_access_tokens,omitzero"`
	}{
		Resource: site.issuer, Servers: []string{site.issuer}, Scopes: AllScopes(), Methods: []string{"header"},
		ProofAlgs: SigningAlgorithms(), Docs: site.issuer + "/docs", Bound: mutual.URL != "",
	})
}

// OpenIDConfiguration is Metadata for clients that know only OpenID Connect's form of it
// (OpenID Connect Discovery 1.0 section 3). Nobody signs in at this server: what stands
// for that leads nowhere, and is there because such clients insist on it.
func OpenIDConfiguration(site Site, mutual Mutual) ([]byte, error) {
	text, err := Metadata(site, mutual)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	all["authorization_endpoint"] = site.issuer + "/oauth2/authorize"
	all["subject_types_supported"] = []string{"public"}
	all["id_token_signing_alg_values_supported"] = []string{algES256}
	return json.Marshal(all, json.Deterministic(true))
}
