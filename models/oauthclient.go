package models

import (
	"database/sql/driver"
	"strings"
	"time"
)

// OwnerKind says whose credential an OAuth client is.
type OwnerKind string

// The values of OwnerKind.
const (
	OwnerPartner  OwnerKind = "partner"
	OwnerTenant   OwnerKind = "tenant"
	OwnerOperator OwnerKind = "operator"
)

// Valid reports whether the value is one of the above.
func (v OwnerKind) Valid() bool {
	switch v {
	case OwnerPartner, OwnerTenant, OwnerOperator:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v OwnerKind) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *OwnerKind) Scan(src any) error { return enumScan(v, src, OwnerKind.Valid) }

// ClientAuthMethod is how a client proves itself at the token endpoint (names of RFC 7591 section 2).
type ClientAuthMethod string

// The values of ClientAuthMethod.
const (
	ClientSecretBasic ClientAuthMethod = "client_secret_basic"
	PrivateKeyJWT     ClientAuthMethod = "private_key_jwt"
)

// Valid reports whether the value is one of the above.
func (v ClientAuthMethod) Valid() bool {
	switch v {
	case ClientSecretBasic, PrivateKeyJWT:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v ClientAuthMethod) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *ClientAuthMethod) Scan(src any) error { return enumScan(v, src, ClientAuthMethod.Valid) }

// ClientState is the switch over one credential holder.
type ClientState string

// The values of ClientState.
const (
	ClientActive ClientState = "active"
	ClientFrozen ClientState = "frozen" // refused at once; its owner or an operator acts next
)

// Valid reports whether the value is one of the above.
func (v ClientState) Valid() bool {
	switch v {
	case ClientActive, ClientFrozen:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v ClientState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *ClientState) Scan(src any) error { return enumScan(v, src, ClientState.Valid) }

// OAuthClient is one credential holder: a plant, a line, an integration of a
// partner, a tenant's automation, or an operator.
type OAuthClient struct {
	ID         ClientID `gorm:"primaryKey"`
	Gate       int64    `gorm:"default:(-)"`
	OwnerKind  OwnerKind
	PartnerID  *PartnerID // set when OwnerKind is partner
	TenantID   *TenantID  // set when OwnerKind is tenant
	Name       string
	Scopes     string // space separated, as in RFC 6749 section 3.3
	AuthMethod ClientAuthMethod
	JWKS       *string `gorm:"column:jwks"` // public keys (RFC 7517) for private_key_jwt
	State      ClientState
	Epoch      int64
	CreatedAt  time.Time
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
}

// TableName keeps the initialism together.
func (OAuthClient) TableName() string { return "oauth_clients" }

// SpeakingScopes lists the OAuth scopes by which a client speaks for its tenant, or binds
// and releases devices in its name. None is given by default. Operators hand them out
// while the tenant is being set up; from its first admin on they are the tenant's alone.
func SpeakingScopes() []string { return []string{"consents.decide", "tenant.manage", "devices.write"} }

// HasScope reports whether the client was assigned scope.
func (c OAuthClient) HasScope(scope string) bool {
	for s := range strings.FieldsSeq(c.Scopes) {
		if s == scope {
			return true
		}
	}
	return false
}

// ClientSecret is one of at most two valid secrets of a client, so that a
// rotation has no gap. Only a keyed digest of the secret is stored.
type ClientSecret struct {
	ID        string `gorm:"primaryKey"`
	ClientID  ClientID
	Digest    []byte // HMAC-SHA-256 under a pepper kept outside the database
	CreatedAt time.Time
	ExpiresAt *time.Time
	RevokedAt *time.Time
}

// UsedAssertion remembers a client assertion until it has expired, so that it
// is accepted once over all replicas (RFC 7523 section 3, item 7).
type UsedAssertion struct {
	ClientID  ClientID `gorm:"primaryKey"`
	JTIDigest []byte   `gorm:"primaryKey;column:jti_digest"`
	ExpiresAt time.Time
}
