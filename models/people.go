package models

import (
	"database/sql/driver"
	"time"
)

// PersonState is the switch over a person. It is thrown by the tenant alone and
// outlives every sign-in: a provider's claim never makes a disabled person active.
type PersonState string

// The values of PersonState.
const (
	PersonActive   PersonState = "active"
	PersonDisabled PersonState = "disabled" // signs in no more; an admin of the tenant acts next
)

// Valid reports whether the value is one of the above.
func (v PersonState) Valid() bool { return v == PersonActive || v == PersonDisabled }

// Value refuses to write an unknown value.
func (v PersonState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *PersonState) Scan(src any) error { return enumScan(v, src, PersonState.Valid) }

// Person is somebody who signed in at a tenant's own OpenID provider. Issuer and
// Subject are the identity (OpenID Connect Core 1.0 section 5.7); name and address
// are what the provider said last, for people to read.
type Person struct {
	ID       PersonID `gorm:"primaryKey"`
	TenantID TenantID
	Issuer   string
	Subject  string
	Name     string
	Email    string
	// Role is what the person may do: the wider of GivenRole and ClaimRole. It is
	// empty for somebody who is known and waits for an admin to give a role.
	Role       PersonRole  `gorm:"-"`
	GivenRole  *PersonRole // given here, by an admin of the tenant or the set-up invitation
	ClaimRole  *PersonRole // said by the provider at the last sign-in
	State      PersonState
	CreatedAt  time.Time
	LastSignIn *time.Time `gorm:"column:last_sign_in_at"`
}

// TableName is the plural people use.
func (Person) TableName() string { return "people" }

// EffectiveRole is the wider of what was given here and what the provider said;
// empty for neither.
func (p Person) EffectiveRole() PersonRole {
	role := PersonRole("")
	for _, r := range []*PersonRole{p.GivenRole, p.ClaimRole} {
		if r != nil && role != PersonAdmin {
			role = *r
		}
	}
	return role
}

// MayDecide reports whether the person can sign in and decide over consent.
func (p Person) MayDecide() bool { return p.State == PersonActive && p.EffectiveRole() != "" }

// ProviderAuth is how we prove ourselves to a tenant's OpenID provider (names of
// OpenID Connect Core 1.0 section 9).
type ProviderAuth string

// The values of ProviderAuth.
const (
	ProviderBasic  ProviderAuth = "client_secret_basic"
	ProviderPost   ProviderAuth = "client_secret_post"
	ProviderKeyJWT ProviderAuth = "private_key_jwt" // with this server's own key, published at /oauth2/jwks
)

// Valid reports whether the value is one of the above.
func (v ProviderAuth) Valid() bool {
	return v == ProviderBasic || v == ProviderPost || v == ProviderKeyJWT
}

// Value refuses to write an unknown value.
func (v ProviderAuth) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *ProviderAuth) Scan(src any) error { return enumScan(v, src, ProviderAuth.Valid) }

// TenantSignIn is how people of a tenant sign in: the tenant's own OpenID provider
// and what its claims mean here. Lists are separated by line breaks.
type TenantSignIn struct {
	TenantID       TenantID `gorm:"primaryKey"`
	Issuer         string   // compared byte by byte
	ClientID       string   // our id at the provider
	AuthMethod     ProviderAuth
	SealedSecret   []byte // nil with private_key_jwt
	RoleClaim      string // path of the claim with the roles, e.g. roles or realm_access.roles; empty maps nothing
	AdminValues    string
	ApproverValues string
	RequireMFA     bool   `gorm:"column:require_mfa"`
	ACRValues      string `gorm:"column:acr_values"` // any of them in acr or acrs means more than one factor
	AMRValues      string `gorm:"column:amr_values"` // any of them in amr means more than one factor
	Version        int64  // raised by every change; a sign-in begun under an older one is refused
	SetBy          ActorKind
	SetByID        string
	SetAt          time.Time
}

// TenantInvitation is a one-time link with which the first admin of a tenant sets
// it up. Of its secret only a digest is stored.
type TenantInvitation struct {
	ID        string `gorm:"primaryKey"`
	TenantID  TenantID
	Digest    []byte // SHA-256
	CreatedBy string
	CreatedAt time.Time
	ExpiresAt time.Time
	EndedAt   *time.Time // used, replaced by a newer one, or overtaken by the first admin
	UsedBy    *PersonID
}

// AttemptPurpose says what a sign-in under way is for. One begun for one purpose
// never ends as another.
type AttemptPurpose string

// The values of AttemptPurpose.
const (
	AttemptSignIn AttemptPurpose = "sign_in"
	AttemptStepUp AttemptPurpose = "step_up" // a signed-in person proves itself afresh
)

// Valid reports whether the value is one of the above.
func (v AttemptPurpose) Valid() bool { return v == AttemptSignIn || v == AttemptStepUp }

// Value refuses to write an unknown value.
func (v AttemptPurpose) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *AttemptPurpose) Scan(src any) error { return enumScan(v, src, AttemptPurpose.Valid) }

// SignInAttempt is a sign-in that waits for the provider's answer.
type SignInAttempt struct {
	StateDigest   []byte `gorm:"primaryKey"` // SHA-256 of state
	BrowserDigest []byte // SHA-256 of the cookie of the browser that began it
	TenantID      TenantID
	Purpose       AttemptPurpose
	Version       int64 // of the TenantSignIn; 0: the shared issuer, for a tenant that is not here yet
	ReturnTo      string
	SessionDigest []byte  // of a step-up: the session it began in
	InvitationID  *string // the set-up invitation it was begun with
	CreatedAt     time.Time
	ExpiresAt     time.Time
}

// PersonSession is a signed-in browser. Of its reference only a digest is stored.
type PersonSession struct {
	Digest    []byte `gorm:"primaryKey"` // SHA-256 of the cookie
	PersonID  PersonID
	TenantID  TenantID
	ACR       string     `gorm:"column:acr"`
	AMR       string     `gorm:"column:amr"` // separated by spaces
	AuthTime  *time.Time // nil when the provider did not say
	MFA       bool       `gorm:"column:mfa"` // more than one factor, by the tenant's own rule
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time // the absolute end
}

// DomainChallenge is what a tenant puts into the DNS to prove a domain.
type DomainChallenge struct {
	TenantID  TenantID `gorm:"primaryKey"`
	Domain    string   `gorm:"primaryKey"` // lower case
	Token     string   // public once it is in the DNS; of this tenant and domain alone
	CreatedAt time.Time
	ExpiresAt time.Time
}
