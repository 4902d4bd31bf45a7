package wire

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// OwnClient is an OAuth client of a partner. Its secret is in the answer that made it and
// nowhere else.
type OwnClient struct {
	ID          string        `json:"clientId"`
	Secret      string        `json:"clientSecret,omitzero"`
	Name        string        `json:"name"`
	Scopes      []string      `json:"scopes"`
	Method      string        `json:"authMethod"` // as RFC 7591 and RFC 8705 name it
	Profile     string        `json:"profile"`    // strict, standard or legacy
	JWKSURI     string        `json:"jwksUri,omitzero"`
	TLSSubject  string        `json:"tlsSubject,omitzero"`
	State       string        `json:"state"`             // active or frozen
	FrozenBy    string        `json:"frozenBy,omitzero"` // partner or operator
	CreatedAt   time.Time     `json:"createdAt"`
	ExpiresAt   *time.Time    `json:"expiresAt,omitzero"`
	DaysLeft    *int          `json:"daysLeft,omitzero"` // when they are 30 or fewer
	LegacyUntil *time.Time    `json:"legacyUntil,omitzero"`
	LastUsedAt  *time.Time    `json:"lastUsedAt,omitzero"`
	Secrets     []SecretTimes `json:"secrets,omitzero"` // those that are valid, the newest first
}

// SecretTimes is one valid secret of a client, without what it is.
type SecretTimes struct {
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitzero"`
}

// NewOwnClient is the body by which a partner makes a client.
type NewOwnClient struct {
	Name         string         `json:"name"`
	Scopes       []string       `json:"scopes,omitzero"`                       // absent for all but clients.manage
	Profile      string         `json:"profile,omitzero"`                      // strict or standard; legacy with a secret
	JWKS         jsontext.Value `json:"jwks,omitzero" swaggertype:"object"`    // its public keys (RFC 7517)
	JWKSURI      string         `json:"jwksUri,omitzero"`                      // where it publishes them, in place of jwks
	Certificates string         `json:"certificates,omitzero"`                 // in PEM, which it signs itself
	TLSSubject   string         `json:"tlsSubject,omitzero"`                   // such as dns:line3.plant.example
	ExpiresAt    *time.Time     `json:"expiresAt,omitzero" format:"date-time"` // absent for no end
}

// SecretRotation is the body by which a client gets a new secret.
type SecretRotation struct {
	OverlapHours *int `json:"overlapHours,omitzero"` // how long the former one stays valid; 24
}

// NewSecret is a secret, shown this once.
type NewSecret struct {
	Secret string `json:"clientSecret"`
}

// ClientKeys are all public keys, or all certificates, of a client from now on.
type ClientKeys struct {
	JWKS         jsontext.Value `json:"jwks,omitzero" swaggertype:"object"`
	Certificates string         `json:"certificates,omitzero"` // in PEM
}
