package authz

import (
	"context"
	"slices"
	"time"

	"countersign/models"
)

// Principal is an authenticated OAuth client and whose it is. Exactly the owner's
// id is set: PartnerID and PartnerKind for a partner, TenantID for a tenant,
// neither for an operator.
type Principal struct {
	Kind        models.OwnerKind
	ClientID    models.ClientID
	PartnerID   models.PartnerID
	PartnerKind models.PartnerKind
	TenantID    models.TenantID
	ExpiresAt   *time.Time // when the client ends; nil for never
	Scopes      []string   // of this token and still assigned to the client
}

// Has reports whether the principal may make calls that need scope.
func (p Principal) Has(scope string) bool { return slices.Contains(p.Scopes, scope) }

type principalKey struct{}

// WithPrincipal returns a context that carries who is calling.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom returns who is calling; false when nobody was authenticated.
func PrincipalFrom(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
