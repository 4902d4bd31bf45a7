package consent

import (
	"slices"
	"strings"
)

// Scopes of a grant: what the tenant lets a partner do. Each is given
// separately. They are not OAuth scopes, which belong to a token.
const (
	GrantScopeDevicesRegister = "devices.register" // bind devices to the tenant
	GrantScopeDevicesRemove   = "devices.remove"   // end registrations the partner made
	GrantScopeProfilesAssign  = "profiles.assign"  // choose a deployment profile for a device
	GrantScopeDevicesRead     = "devices.read"     // read the devices the partner registered
)

// GrantScopes lists every scope a grant can hold, in the order it is shown.
func GrantScopes() []string {
	return []string{GrantScopeDevicesRegister, GrantScopeDevicesRemove, GrantScopeProfilesAssign, GrantScopeDevicesRead}
}

// joinScopes stores a set of known scopes, each once, in the order of GrantScopes.
func joinScopes(scopes []string) string {
	kept := slices.DeleteFunc(GrantScopes(), func(known string) bool { return !slices.Contains(scopes, known) })
	return strings.Join(kept, " ")
}

// hasScope reports whether the stored set holds scope.
func hasScope(stored, scope string) bool { return slices.Contains(strings.Fields(stored), scope) }
