package authz

import (
	"slices"

	"countersign/models"
)

// The OAuth scopes (RFC 6749 section 3.3): which kinds of call a client may make.
// They are not the scopes of a tenant's grant, which say what a partner may do
// for that tenant; a call needs both.
const (
	ScopeDevicesWrite    = "devices.write"    // submit and remove devices; settle attention cases
	ScopeDevicesRead     = "devices.read"     // see devices, batches and uploads
	ScopeConsentsRequest = "consents.request" // ask tenants for consent, withdraw the question
	ScopeConsentsRead    = "consents.read"    // see requests, grants and their history
	ScopeConsentsDecide  = "consents.decide"  // decide for a tenant; end grants as an operator
	ScopeEventsRead      = "events.read"      // follow what happened to the caller, its consents and its clients
	ScopeClientsManage   = "clients.manage"   // a partner's other clients; never a default
	ScopeTenantManage    = "tenant.manage"    // a tenant's domains, sign-in and people; never a default
	ScopeOperationsRead  = "operations.read"  // see partners, tenants, clients and stopped work
	ScopeOperationsWrite = "operations.write" // change them
)

// scopesOf lists what a client of each kind can be given at all.
var scopesOf = map[models.OwnerKind][]string{
	models.OwnerPartner:  {ScopeDevicesWrite, ScopeDevicesRead, ScopeConsentsRequest, ScopeConsentsRead, ScopeEventsRead, ScopeClientsManage},
	models.OwnerTenant:   {ScopeDevicesWrite, ScopeDevicesRead, ScopeConsentsRead, ScopeConsentsDecide, ScopeTenantManage, ScopeEventsRead},
	models.OwnerOperator: {ScopeDevicesWrite, ScopeDevicesRead, ScopeConsentsRead, ScopeConsentsDecide, ScopeEventsRead, ScopeOperationsRead, ScopeOperationsWrite},
}

// AllowedScopes lists the scopes a client of this kind can be given.
func AllowedScopes(kind models.OwnerKind) []string { return slices.Clone(scopesOf[kind]) }

// DefaultScopes lists the scopes a new client of this kind gets when nobody says
// otherwise. Who may manage a partner's clients is said by name: a line's client that is
// stolen must not make others. A tenant's client may decide over consent, manage the tenant, or register and
// remove devices only when an administrator gave it that right, so none is a default for it.
func DefaultScopes(kind models.OwnerKind) []string {
	all := AllowedScopes(kind)
	switch kind {
	case models.OwnerPartner:
		return slices.DeleteFunc(all, func(s string) bool { return s == ScopeClientsManage })
	case models.OwnerTenant:
		return slices.DeleteFunc(all, func(s string) bool { return slices.Contains(models.SpeakingScopes(), s) })
	}
	return all
}

// AllScopes lists every scope, for documents and the metadata.
func AllScopes() []string {
	return []string{
		ScopeDevicesWrite, ScopeDevicesRead, ScopeConsentsRequest, ScopeConsentsRead,
		ScopeConsentsDecide, ScopeTenantManage, ScopeClientsManage, ScopeEventsRead, ScopeOperationsRead, ScopeOperationsWrite,
	}
}
