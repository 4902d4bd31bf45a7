package consent

import (
	"countersign/internal/db"
	"countersign/models"
)

// Not every ask rests on a grant. These scopes are in no grant, so no grant can open
// what they stand for and they open nothing a grant is needed for. The gate holds for
// them all the same: whoever asks must stand, and can be stopped while work is queued.
const (
	// ScopeFactoryReport is what an OEM asks for when it reports machines it built. A
	// factory record belongs to no tenant: the ask names none.
	ScopeFactoryReport = "factory.report"
	// ScopeOwnDevices is what a tenant asks for when it registers, removes or replaces
	// devices of its own: the ask names no partner.
	ScopeOwnDevices = "own.devices"
)

// ofFactory reports whether the ask needs no tenant's consent.
func (a Ask) ofFactory() bool { return a.Scope == ScopeFactoryReport && a.Tenant == "" }

// ofOwner reports whether the tenant asks for itself.
func (a Ask) ofOwner() bool { return a.Scope == ScopeOwnDevices && a.Partner == "" }

// needsGrant reports whether a tenant must have agreed.
func (a Ask) needsGrant() bool { return !a.ofFactory() && !a.ofOwner() }

// without fills in what an ask has no need of, so that one set of rules judges all.
func (f *stand) without(a Ask) *stand {
	f.GrantScopes, f.GrantState = a.Scope, models.GrantActive
	if a.ofFactory() {
		f.TenantState = models.TenantActive
	} else {
		f.PartnerState = models.PartnerActive
	}
	return f
}

// locks are those of everybody an ask is about, from the widest to the narrowest, held
// shared.
func (f *stand) locks(a Ask) []db.Lock {
	var locks []db.Lock
	if !a.ofOwner() {
		locks = append(locks, shared(f.PartnerGate))
	}
	locks = append(locks, shared(f.ClientGate))
	if !a.ofFactory() {
		locks = append(locks, shared(f.TenantGate))
	}
	if a.needsGrant() {
		locks = append(locks, shared(f.GrantGate))
	}
	return locks
}

// epochs are those of everybody an ask is about, in the same order.
func (f *stand) epochs(a Ask) []models.SubjectEpoch {
	var epochs []models.SubjectEpoch
	add := func(kind models.SubjectKind, id string, epoch int64) {
		epochs = append(epochs, models.SubjectEpoch{Kind: kind, ID: id, Epoch: epoch})
	}
	if !a.ofOwner() {
		add(models.SubjectOfPartner, string(a.Partner), f.PartnerEpoch)
	}
	add(models.SubjectOfClient, string(a.Client), f.ClientEpoch)
	if !a.ofFactory() {
		add(models.SubjectOfTenant, string(a.Tenant), f.TenantEpoch)
	}
	if a.needsGrant() {
		add(models.SubjectOfGrant, string(f.GrantID), f.GrantEpoch)
	}
	return epochs
}
