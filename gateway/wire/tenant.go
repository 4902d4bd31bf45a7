package wire

import "time"

// Tenant is a customer as it sees itself.
type Tenant struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	State   string   `json:"state"`   // active or suspended
	IDProof string   `json:"idProof"` // issued: made here; named: written by an operator and not proven; proven: by the provider that gives out such ids
	Domains []string `json:"domains"`
	// ClaimedAt is when the first administrator signed in; from then on no operator speaks
	// for the customer.
	ClaimedAt *time.Time `json:"claimedAt,omitzero"`
	CreatedAt time.Time  `json:"createdAt"`
}

// TenantName is the body by which a customer changes how it is shown.
type TenantName struct {
	Name string `json:"name"`
}

// DomainName is the body by which a customer begins to prove a domain.
type DomainName struct {
	Domain string `json:"domain"`
}

// TenantDomain is a domain of a customer, or one whose proof is under way.
type TenantDomain struct {
	Domain     string           `json:"domain"`
	State      string           `json:"state"`          // proven or pending
	Proof      string           `json:"proof,omitzero"` // of a proven one: dns, or operator: on the operator's word
	VerifiedAt *time.Time       `json:"verifiedAt,omitzero"`
	Challenge  *DomainChallenge `json:"challenge,omitzero"` // what to publish, while the proof is under way
}

// DomainChallenge is the DNS record that proves a domain.
type DomainChallenge struct {
	Type      string    `json:"type"` // TXT
	Name      string    `json:"name"`
	Value     string    `json:"value"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// SignIn is how people of a customer sign in: its own OpenID provider and what the claims
// mean here.
type SignIn struct {
	Issuer         string    `json:"issuer"`
	ClientID       string    `json:"clientId"`
	AuthMethod     string    `json:"authMethod"` // client_secret_basic, client_secret_post or private_key_jwt
	RoleClaim      string    `json:"roleClaim,omitzero"`
	AdminValues    []string  `json:"adminValues,omitempty"`
	ApproverValues []string  `json:"approverValues,omitempty"`
	RequireMFA     bool      `json:"requireMfa"`
	ACRValues      []string  `json:"acrValues,omitempty"`
	AMRValues      []string  `json:"amrValues,omitempty"`
	Version        int64     `json:"version"`
	RedirectURI    string    `json:"redirectUri,omitzero"` // to be registered at the provider; absent while the server has no pages
	SetBy          string    `json:"setBy"`
	SetAt          time.Time `json:"setAt"`
}

// SignInChange is the body that replaces it.
type SignInChange struct {
	Issuer         string   `json:"issuer"`
	ClientID       string   `json:"clientId"`
	ClientSecret   string   `json:"clientSecret,omitzero"` // absent keeps the stored one; it is never shown
	AuthMethod     string   `json:"authMethod"`
	RoleClaim      string   `json:"roleClaim,omitzero"`
	AdminValues    []string `json:"adminValues,omitempty"`
	ApproverValues []string `json:"approverValues,omitempty"`
	RequireMFA     *bool    `json:"requireMfa,omitzero"` // absent means yes
	ACRValues      []string `json:"acrValues,omitempty"`
	AMRValues      []string `json:"amrValues,omitempty"`
	Version        int64    `json:"version,omitzero"` // of what was read; absent changes whatever is there
}

// Person is somebody of a customer who signed in.
type Person struct {
	ID           string     `json:"id"`
	Issuer       string     `json:"issuer"`
	Subject      string     `json:"subject"`
	Name         string     `json:"name,omitzero"`
	Email        string     `json:"email,omitzero"`
	Role         string     `json:"role,omitzero"`      // admin or approver; absent: waits for one
	GivenRole    string     `json:"givenRole,omitzero"` // by an administrator here
	ClaimRole    string     `json:"claimRole,omitzero"` // by the provider at the last sign-in
	State        string     `json:"state"`              // active or disabled
	CreatedAt    time.Time  `json:"createdAt"`
	LastSignInAt *time.Time `json:"lastSignInAt,omitzero"`
}

// PersonRole is the body by which a role is given; an empty one takes it.
type PersonRole struct {
	Role string `json:"role"`
}

// TenantClient is an OAuth client of a customer. Its secret is in the answer that made it
// and nowhere else.
type TenantClient struct {
	ID         string     `json:"clientId"`
	Secret     string     `json:"clientSecret,omitzero"`
	Name       string     `json:"name"`
	Scopes     []string   `json:"scopes"`
	State      string     `json:"state"` // active or frozen
	CreatedAt  time.Time  `json:"createdAt"`
	LastUsedAt *time.Time `json:"lastUsedAt,omitzero"`

	Federation *Federation `json:"federation,omitzero"` // in place of a secret
}

// NewTenantClient is the body by which a customer makes one.
type NewTenantClient struct {
	Name       string      `json:"name"`
	Scopes     []string    `json:"scopes"`
	Federation *Federation `json:"federation,omitzero"` // absent for a secret
}

// Federation is whose tokens a client proves itself by, exactly as they stand in iss and sub,
// and where the issuer publishes its keys.
type Federation struct {
	Issuer  string `json:"issuer"`
	Subject string `json:"subject"`
	JWKSURI string `json:"jwksUri"`
}
