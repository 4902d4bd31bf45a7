package consent

import "countersign/models"

// ScopeFactoryReport is what an OEM asks for when it reports machines it built. It
// is no scope of any grant: a factory record belongs to no tenant, so nobody's
// consent is needed. The gate still holds: the ask names no tenant, and partner and
// client must stand.
const ScopeFactoryReport = "factory.report"

// ofFactory reports whether the ask needs no tenant's consent.
func (a Ask) ofFactory() bool { return a.Scope == ScopeFactoryReport && a.Tenant == "" }

// inFactory fills in what a factory's ask has no need of, so that one set of rules
// judges every ask.
func (f *stand) inFactory() *stand {
	f.GrantScopes = ScopeFactoryReport
	f.GrantState, f.TenantState = models.GrantActive, models.TenantActive
	return f
}
