package authz

import (
	"slices"
	"strings"
	"time"

	"countersign/models"
)

// How long an access token is accepted. It is short because scopes are fixed in it; a
// client's standing is looked up on every request.
const (
	AccessTokenLife = 10 * time.Minute
	legacyTokenLife = 5 * time.Minute // of clients whose secret travels
)

func tokenLife(p models.ClientProfile) time.Duration {
	if p == models.ProfileLegacy {
		return legacyTokenLife
	}
	return AccessTokenLife
}

// accessTokenType is the typ of RFC 9068 section 2.1.
const accessTokenType = "at+jwt"

// accessTokenClaims are the claims of RFC 9068 section 2.2.
type accessTokenClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	ClientID string `json:"client_id"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	ID       string `json:"jti"`
	Scope    string `json:"scope"`

	Confirmation *confirmation `json:"cnf,omitempty"`
}

// accessTokenFor makes the claims of a new token; bound is nil for a bearer's.
func accessTokenFor(site Site, client models.OAuthClient, scopes []string, bound *confirmation, id string, now time.Time) accessTokenClaims {
	return accessTokenClaims{
		Issuer:       site.Issuer(),
		Audience:     site.Audience(),
		Subject:      string(client.ID),
		ClientID:     string(client.ID),
		IssuedAt:     now.Unix(),
		Expires:      now.Add(tokenLife(client.Profile)).Unix(),
		ID:           id,
		Scope:        joined(scopes),
		Confirmation: bound,
	}
}

func joined(scopes []string) string { return strings.Join(scopes, " ") }

// assignedScopes lists what the client may have: assigned to it and still
// possible for its kind of owner.
func assignedScopes(client models.OAuthClient) []string {
	allowed := AllowedScopes(client.OwnerKind)
	return slices.DeleteFunc(allowed, func(s string) bool { return !client.HasScope(s) })
}

// principalOf joins a verified token with the client's present standing. A scope
// taken from the client is gone at once, whatever its tokens say.
func principalOf(standing models.ClientStanding, tokenScope string) Principal {
	client := standing.Client
	granted := strings.Split(tokenScope, " ")
	p := Principal{Kind: client.OwnerKind, ClientID: client.ID, PartnerKind: standing.PartnerKind, ExpiresAt: client.ExpiresAt}
	p.Scopes = slices.DeleteFunc(assignedScopes(client), func(s string) bool { return !slices.Contains(granted, s) })
	if client.PartnerID != nil {
		p.PartnerID = *client.PartnerID
	}
	if client.TenantID != nil {
		p.TenantID = *client.TenantID
	}
	return p
}
