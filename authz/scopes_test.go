package authz_test

import (
	"context"
	"slices"
	"testing"

	"countersign/authz"
	"countersign/models"
)

func TestDefaultScopes_areAllowedAndNeverLetATenantDecide(t *testing.T) {
	t.Parallel()
	for _, kind := range []models.OwnerKind{models.OwnerPartner, models.OwnerTenant, models.OwnerOperator} {
		defaults := authz.DefaultScopes(kind)
		if len(defaults) == 0 {
			t.Errorf("%s: no default scopes", kind)
		}
		for _, s := range defaults {
			if !slices.Contains(authz.AllowedScopes(kind), s) || !slices.Contains(authz.AllScopes(), s) {
				t.Errorf("%s: default scope %q is not one it can be given", kind, s)
			}
		}
	}
	if slices.Contains(authz.DefaultScopes(models.OwnerTenant), authz.ScopeConsentsDecide) {
		t.Error("a tenant's client may decide over consent by default")
	}
	if slices.Contains(authz.DefaultScopes(models.OwnerTenant), authz.ScopeDevicesWrite) {
		t.Error("a tenant's client may change devices by default")
	}
	for _, scope := range []string{authz.ScopeConsentsDecide, authz.ScopeDevicesWrite} {
		if !slices.Contains(authz.AllowedScopes(models.OwnerTenant), scope) {
			t.Errorf("a tenant's client can never be given %s", scope)
		}
	}
}

func TestAllowedScopes_isACopy(t *testing.T) {
	t.Parallel()
	authz.AllowedScopes(models.OwnerPartner)[0] = "everything"
	if slices.Contains(authz.AllowedScopes(models.OwnerPartner), "everything") {
		t.Error("a caller can change what partners may be given")
	}
}

func TestPrincipalFrom(t *testing.T) {
	t.Parallel()
	if _, ok := authz.PrincipalFrom(context.Background()); ok {
		t.Error("an empty context names a principal")
	}
	ctx := authz.WithPrincipal(context.Background(), authz.Principal{ClientID: "p-1", Scopes: []string{authz.ScopeDevicesRead}})
	p, ok := authz.PrincipalFrom(ctx)
	if !ok || p.ClientID != "p-1" || !p.Has(authz.ScopeDevicesRead) || p.Has(authz.ScopeDevicesWrite) {
		t.Errorf("got %+v, %v", p, ok)
	}
}

// What lets a client speak for its tenant is a scope that a tenant's client can have, and
// none that it gets unasked.
func TestSpeakingScopesAreGivenByName(t *testing.T) {
	t.Parallel()
	for _, scope := range models.SpeakingScopes() {
		if !slices.Contains(authz.AllowedScopes(models.OwnerTenant), scope) {
			t.Errorf("%s is no scope of a tenant's client", scope)
		}
		if slices.Contains(authz.DefaultScopes(models.OwnerTenant), scope) {
			t.Errorf("%s is given by default", scope)
		}
	}
}
