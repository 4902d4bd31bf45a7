package consent

import (
	"time"

	"countersign/models"
)

// stand is all that decides whether a partner's client may act in a tenant under one
// grant, read by one statement, with the ids of its locks. root is the grant whose
// limits and counters count, and owner its partner: the grant itself and the partner
// that asks, or those that a derived grant rests on.
type stand struct {
	partner, client, tenant, grant, root, owner standing

	grantScopes, rootScopes string
	grantEnd, rootEnd       time.Time
	version                 int64 // of the root's terms
	numbers                 numbers
	lists                   models.GrantLists
}

// standing is one party or grant, with its lock, epoch and state.
type standing struct {
	id    string
	gate  int64
	epoch int64
	state string
}

func (s *standing) dest() []any { return []any{&s.id, &s.gate, &s.epoch, &s.state} }

// numbers are the device limit of a grant and what counts against it.
type numbers struct {
	limit          *int64
	reserved, used int64
	recount        int64 // of the reserved: not counted against the limit yet
	recountVersion int64
}

// left is what the limit still leaves; nil without a limit.
func (n numbers) left() *int64 {
	if n.limit == nil {
		return nil
	}
	left := max(0, *n.limit-n.used-n.reserved)
	return &left
}

// derived reports whether the grant rests on another one.
func (f *stand) derived() bool { return f.root.id != f.grant.id }

const standColumns = `p.id, p.gate, p.epoch, p.state, c.id, c.gate, c.epoch, c.state, t.id, t.gate, t.epoch, t.state,
	g.id, g.gate, g.epoch, g.state, r.id, r.gate, r.epoch, r.state, o.id, o.gate, o.epoch, o.state,
	g.scopes, r.scopes, g.expires_at, r.expires_at, r.version,
	r.device_limit, r.devices_reserved, r.devices_used, r.devices_recount, r.recount_version,
	r.manufacturers, r.group_tags, r.purchase_orders`

func (f *stand) dest() []any {
	var dest []any
	for _, s := range []*standing{&f.partner, &f.client, &f.tenant, &f.grant, &f.root, &f.owner} {
		dest = append(dest, s.dest()...)
	}
	return append(dest, &f.grantScopes, &f.rootScopes, &f.grantEnd, &f.rootEnd, &f.version,
		&f.numbers.limit, &f.numbers.reserved, &f.numbers.used, &f.numbers.recount, &f.numbers.recountVersion,
		&f.lists.Manufacturers, &f.lists.GroupTags, &f.lists.PurchaseOrders)
}

const standSQL = "SELECT " + standColumns + `
	FROM grants g
	JOIN grants r ON r.id = COALESCE(g.derived_from, g.id)
	JOIN partners p ON p.id = g.partner_id
	JOIN partners o ON o.id = r.partner_id
	JOIN tenants t ON t.id = g.tenant_id
	JOIN oauth_clients c ON c.partner_id = g.partner_id
	WHERE g.partner_id = ? AND g.tenant_id = ? AND c.id = ? AND `

// What decides without a grant: the partner's switches, or the tenant's, with those of
// a client that is its own.
const (
	standOfFactorySQL = `SELECT p.id, p.gate, p.epoch, p.state, c.id, c.gate, c.epoch, c.state
	FROM partners p
	JOIN oauth_clients c ON c.partner_id = p.id
	WHERE p.id = ? AND c.id = ?`
	standOfOwnerSQL = `SELECT t.id, t.gate, t.epoch, t.state, c.id, c.gate, c.epoch, c.state
	FROM tenants t
	JOIN oauth_clients c ON c.tenant_id = t.id
	WHERE t.id = ? AND c.id = ?`
)

// looking is a query for stands.
type looking struct {
	sql  string
	args []any
	dest func(f *stand) []any
}

// live looks for the pair's grants that can still let anything through; none can for a
// tenant that is no GUID at all.
func (a Ask) live() looking {
	if !a.needsGrant() {
		return a.without()
	}
	return looking{
		standSQL + "g.state IN ('active', 'suspended') ORDER BY g.derived_from IS NOT NULL, g.id",
		[]any{a.Partner, a.Tenant, a.Client},
		(*stand).dest,
	}
}

// exactly looks for one grant of the pair.
func (a Ask) exactly(grant models.GrantID) looking {
	if !a.needsGrant() {
		return a.without()
	}
	return looking{standSQL + "g.id = ?", []any{a.Partner, a.Tenant, a.Client, grant}, (*stand).dest}
}

// without looks for what decides without a grant.
func (a Ask) without() looking {
	if a.ofOwner() {
		return looking{standOfOwnerSQL, []any{a.Tenant, a.Client}, func(f *stand) []any {
			return append(f.tenant.dest(), f.client.dest()...)
		}}
	}
	return looking{standOfFactorySQL, []any{a.Partner, a.Client}, func(f *stand) []any {
		return append(f.partner.dest(), f.client.dest()...)
	}}
}

// stands reads what a query finds, without a lock.
func (r rows) stands(a Ask, q looking) ([]*stand, error) {
	found, err := r.g.Raw(q.sql, q.args...).Rows()
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var all []*stand
	for found.Next() {
		f := &stand{}
		if err := found.Scan(q.dest(f)...); err != nil {
			return nil, err
		}
		all = append(all, f.complete(a))
	}
	return all, found.Err()
}

// complete fills in what an ask has no need of, so that one set of rules judges all.
func (f *stand) complete(a Ask) *stand {
	if a.needsGrant() {
		return f
	}
	f.grantScopes, f.rootScopes = a.Scope, a.Scope
	f.grant.state, f.root.state = string(models.GrantActive), string(models.GrantActive)
	if a.ofFactory() {
		f.tenant.state = string(models.TenantActive)
	} else {
		f.partner.state = string(models.PartnerActive)
	}
	f.owner.state = f.partner.state
	return f
}

// choose picks the grant that an ask is about: the one it names, else the partner's
// own, else the only one that rests on another partner's. One that is over by its
// state or by the clock is nobody's choice while another one stands.
func (a Ask) choose(found []*stand, now time.Time) (*stand, error) {
	var derived []*stand
	var over *stand
	for _, f := range found {
		_, reason := f.judge(a.Scope, now)
		switch {
		case a.Grant != "" && f.grant.id != string(a.Grant):
		case reason == ReasonRevoked || reason == ReasonExpired:
			over = f
		case a.Grant != "" || !f.derived():
			return f, nil
		default:
			derived = append(derived, f)
		}
	}
	switch len(derived) {
	case 0:
		return over, nil
	case 1:
		return derived[0], nil
	}
	return nil, chooseOne(derived)
}
