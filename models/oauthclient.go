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

	// TLSClientAuth is a certificate of an authority that the server trusts, with one
	// registered name; SelfSignedTLSClientAuth is a certificate that was registered itself
	// (RFC 8705 section 2).
	TLSClientAuth           ClientAuthMethod = "tls_client_auth"
	SelfSignedTLSClientAuth ClientAuthMethod = "self_signed_tls_client_auth"
)

// Valid reports whether the value is one of the above.
func (v ClientAuthMethod) Valid() bool {
	switch v {
	case ClientSecretBasic, PrivateKeyJWT, TLSClientAuth, SelfSignedTLSClientAuth:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v ClientAuthMethod) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *ClientAuthMethod) Scan(src any) error { return enumScan(v, src, ClientAuthMethod.Valid) }

// ClientProfile is how much a client proves of itself. What it may do is said elsewhere.
type ClientProfile string

// The values of ClientProfile.
const (
	// ProfileStrict is the FAPI 2.0 Security Profile for machines: a key of its own, and
	// tokens that are bound to a key or a certificate.
	ProfileStrict ClientProfile = "strict"
	// ProfileStandard is a key of its own, with tokens that are bound if it wants.
	ProfileStandard ClientProfile = "standard"
	// ProfileLegacy is a shared secret; tokens last half as long.
	ProfileLegacy ClientProfile = "legacy"
)

// Valid reports whether the value is one of the above.
func (v ClientProfile) Valid() bool {
	switch v {
	case ProfileStrict, ProfileStandard, ProfileLegacy:
		return true
	}
	return false
}

// Value refuses to write an unknown value.
func (v ClientProfile) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *ClientProfile) Scan(src any) error { return enumScan(v, src, ClientProfile.Valid) }

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
	JWKS       *string `gorm:"column:jwks"`     // public keys (RFC 7517) for private_key_jwt, with certificates for self_signed_tls_client_auth
	JWKSURI    *string `gorm:"column:jwks_uri"` // where the client publishes its public keys, in place of JWKS
	// Issuer and IssuerSubject are iss and sub of the tokens by which a tenant's client proves
	// itself, made by an issuer of the tenant's own; JWKSURI then is that issuer's.
	Issuer        *string
	IssuerSubject *string
	TLSSubject    *string `gorm:"column:tls_subject"` // the certificate's name for tls_client_auth, such as dns:line3.plant.example
	Profile       ClientProfile
	State         ClientState
	FrozenBy      *OwnerKind // who froze it: operator, or the partner itself; nil while it is active
	Epoch         int64
	CreatedAt     time.Time
	ExpiresAt     *time.Time
	LastUsedAt    *time.Time

	// LegacyUntil is until when the client may do as Partner Center's clients do: send its
	// secret in the body of a token request (client_secret_post), or name the token endpoint
	// as the audience of its assertions; nil: never.
	LegacyUntil *time.Time
}

// Federation is whose tokens a tenant's client proves itself by: its machines come with
// tokens that they have already.
type Federation struct {
	Issuer  string
	Subject string
	JWKSURI string // where the issuer publishes its keys
}

// NewTenantClient is what a tenant makes a client of. Without Federation it gets a secret.
type NewTenantClient struct {
	Name       string
	Scopes     []string
	Federation *Federation
}

// TableName keeps the initialism together.
func (OAuthClient) TableName() string { return "oauth_clients" }

// SpeakingScopes lists the OAuth scopes by which a client speaks for its tenant, or binds
// and releases devices in its name. None is given by default. Operators hand them out
// while the tenant is being set up; from its first admin on they are the tenant's alone.
func SpeakingScopes() []string { return []string{"consents.decide", "tenant.manage", "devices.write"} }

// MayBeLegacy reports whether the client may still do what LegacyUntil allows.
func (c OAuthClient) MayBeLegacy(now time.Time) bool {
	return c.LegacyUntil != nil && now.Before(*c.LegacyUntil)
}

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

// ClientSource says that a client proved itself from an address on a day, or that somebody
// failed to in its name.
type ClientSource struct {
	ClientID ClientID `gorm:"primaryKey"`
	Day      string   `gorm:"primaryKey"` // 2026-11-26, in UTC
	Source   string   `gorm:"primaryKey"` // an IP address
	Refused  bool     `gorm:"primaryKey"`
}

// RevokedToken is an access token that its client has revoked (RFC 7009), kept until it has
// expired.
type RevokedToken struct {
	ClientID  ClientID `gorm:"primaryKey"`
	IDDigest  []byte   `gorm:"primaryKey;column:id_digest"`
	ExpiresAt time.Time
}

// UsedAssertion remembers a client assertion or a proof of possession until it has
// expired, so that it is accepted once over all replicas (RFC 7523 section 3, item 7; RFC
// 9449 section 11.1).
type UsedAssertion struct {
	ClientID  ClientID `gorm:"primaryKey"`
	JTIDigest []byte   `gorm:"primaryKey;column:jti_digest"`
	ExpiresAt time.Time
}
