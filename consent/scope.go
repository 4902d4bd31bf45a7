package consent

import "strings"

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
	var kept []string
	for _, known := range GrantScopes() {
		if contains(scopes, known) {
			kept = append(kept, known)
		}
	}
	return strings.Join(kept, " ")
}

// hasScope reports whether the stored set holds scope.
func hasScope(stored, scope string) bool { return contains(strings.Fields(stored), scope) }

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}
