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

// locks are those of everybody an ask is about, from the widest to the narrowest, held
// shared; of one kind by their ids.
func (f *stand) locks(a Ask) []db.Lock {
	var locks []db.Lock
	if !a.ofOwner() {
		locks = append(locks, inOrder(f.partner.gate, f.owner.gate, f.derived())...)
	}
	locks = append(locks, shared(f.client.gate))
	if !a.ofFactory() {
		locks = append(locks, shared(f.tenant.gate))
	}
	if a.needsGrant() {
		locks = append(locks, inOrder(f.grant.gate, f.root.gate, f.derived())...)
	}
	return locks
}

// inOrder is one lock, or two by their ids.
func inOrder(one, other int64, two bool) []db.Lock {
	if !two {
		return []db.Lock{shared(one)}
	}
	return []db.Lock{shared(min(one, other)), shared(max(one, other))}
}

// epochs are those of everybody an ask is about, in the same order; then those that a
// derived grant rests on.
func (f *stand) epochs(a Ask) []models.SubjectEpoch {
	var epochs []models.SubjectEpoch
	add := func(kind models.SubjectKind, of standing) {
		epochs = append(epochs, models.SubjectEpoch{Kind: kind, ID: of.id, Epoch: of.epoch})
	}
	if !a.ofOwner() {
		add(models.SubjectOfPartner, f.partner)
	}
	add(models.SubjectOfClient, f.client)
	if !a.ofFactory() {
		add(models.SubjectOfTenant, f.tenant)
	}
	if a.needsGrant() {
		add(models.SubjectOfGrant, f.grant)
	}
	if a.needsGrant() && f.derived() {
		add(models.SubjectOfPartner, f.owner)
		add(models.SubjectOfGrant, f.root)
	}
	return epochs
}
