package partners

import (
	"context"
	"strings"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/internal/plaintext"
	"countersign/models"
)

// Budgets override the server's defaults for one partner; nil means the default.
type Budgets struct {
	DevicesPerHour       *int64 // devices, over all tenants
	TenantDevicesPerHour *int64 // devices for one tenant
	RequestsPerMinute    *int64 // requests of one OAuth client
}

// NewPartner describes a partner to be created.
type NewPartner struct {
	Kind    models.PartnerKind
	Name    string
	MPNID   string // partner network id as the partner states it; may be empty
	Budgets Budgets
	// NameChecked says that somebody made sure that a name which looks like another
	// partner's is an honest one.
	NameChecked bool
	Contact     string // address of mail for notices; empty for none
}

// CreatePartner registers an active partner. It fails with ErrInvalid, ErrNameTaken or
// ErrNameResembles.
func (r *Registry) CreatePartner(ctx context.Context, in NewPartner) (models.Partner, error) {
	var wrong complaints
	wrong.add(!in.Kind.Valid(), "kind", "must be oem, direct_reseller, indirect_provider or indirect_reseller")
	wrong.name(in.Name)
	wrong.add(len(in.MPNID) > maxMPNID || !printable(in.MPNID), "mpnId", "must be at most 64 printable characters")
	wrong.budgets(in.Budgets)
	wrong.contact(in.Contact)
	if err := wrong.err(); err != nil {
		return models.Partner{}, err
	}
	partner := models.Partner{
		ID: models.PartnerID(r.deps.NewID()), Kind: in.Kind, Name: strings.TrimSpace(in.Name), MPNID: strings.TrimSpace(in.MPNID),
		State: models.PartnerActive, Epoch: 1,
		DevicesPerHour: in.Budgets.DevicesPerHour, TenantDevicesPerHour: in.Budgets.TenantDevicesPerHour,
		RequestsPerMinute: in.Budgets.RequestsPerMinute, ContactEmail: in.Contact,
	}
	err := r.inTx(ctx, func(ctx context.Context, t change) error {
		partner.CreatedAt = t.now
		if err := t.distinct(partner.Name, in.NameChecked); err != nil {
			return err
		}
		if err := t.add(&partner); err != nil {
			return err
		}
		return t.notePartner(ctx, ledger.PartnerCreated, partner)
	})
	if db.IsDuplicate(err) {
		err = ErrNameTaken
	}
	return partner, err
}

// distinct refuses a name that customers would take for another partner's, who they
// may trust already. Two such names made at the same moment can pass; customers are
// shown the id beside the name.
func (t change) distinct(name string, checked bool) error {
	look := plaintext.Skeleton(name)
	if checked || look == "" {
		return nil
	}
	names, err := t.partnerNames()
	if err != nil {
		return err
	}
	for _, other := range names {
		if other != name && plaintext.Skeleton(other) == look {
			return ErrNameResembles.WithDetail(
				"The name looks like that of the partner %q, and customers could take one for the other. Make sure who this is; then create it with --name-checked.", other)
		}
	}
	return nil
}

func (c *complaints) budgets(b Budgets) {
	for name, value := range map[string]*int64{
		"devicesPerHour": b.DevicesPerHour, "tenantDevicesPerHour": b.TenantDevicesPerHour, "requestsPerMinute": b.RequestsPerMinute,
	} {
		c.add(value != nil && *value <= 0, name, "must be 1 or more, or absent for the server's default; to stop a partner, suspend it")
	}
}

// Partner returns one partner, or ErrPartnerNotFound.
func (r *Registry) Partner(ctx context.Context, id models.PartnerID) (models.Partner, error) {
	id, ok := foldGUID(id)
	if !ok {
		return models.Partner{}, ErrPartnerNotFound
	}
	partner, err := r.read(ctx).partner(id)
	return partner, stored(err)
}

// Partners lists partners with the cursor of the next page.
func (r *Registry) Partners(ctx context.Context, page Page) ([]models.Partner, string, error) {
	after, err := page.after()
	if err != nil {
		return nil, "", err
	}
	found, err := r.read(ctx).partners(after, page.size()+1)
	if err != nil {
		return nil, "", stored(err)
	}
	items, next := cut(found, page.size(), func(p models.Partner) string { return string(p.ID) })
	return items, next, nil
}

// BudgetsOf returns a partner's own budgets, at most a second old, or ErrPartnerNotFound.
func (r *Registry) BudgetsOf(ctx context.Context, id models.PartnerID) (Budgets, error) {
	return r.budgets.Get(ctx, id, func(ctx context.Context) (Budgets, error) {
		p, err := r.Partner(ctx, id)
		return Budgets{p.DevicesPerHour, p.TenantDevicesPerHour, p.RequestsPerMinute}, err
	})
}

// SetBudgets replaces all three budgets of a partner and returns it. It fails
// with ErrInvalid or ErrPartnerNotFound.
func (r *Registry) SetBudgets(ctx context.Context, id models.PartnerID, budgets Budgets) (models.Partner, error) {
	var wrong complaints
	wrong.budgets(budgets)
	if err := wrong.err(); err != nil {
		return models.Partner{}, err
	}
	return r.changePartner(ctx, id, func(t change, id models.PartnerID) error { return t.setBudgets(id, budgets) })
}

// changePartner changes a partner's row, writes it down and returns what it is then.
func (r *Registry) changePartner(ctx context.Context, id models.PartnerID, set func(change, models.PartnerID) error) (models.Partner, error) {
	id, ok := foldGUID(id)
	if !ok {
		return models.Partner{}, ErrPartnerNotFound
	}
	var partner models.Partner
	err := r.inTx(ctx, func(ctx context.Context, t change) (err error) {
		if err := set(t, id); err != nil {
			return err
		}
		if partner, err = t.partner(id); err != nil {
			return err
		}
		return t.notePartner(ctx, ledger.PartnerChanged, partner)
	})
	return partner, err
}

// SuspendPartner stops a partner everywhere: its clients are refused at once and
// the core gets a fence. ErrWrongState when it is suspended already.
func (r *Registry) SuspendPartner(ctx context.Context, id models.PartnerID) (models.Partner, error) {
	return r.movePartner(ctx, id, models.PartnerActive, models.PartnerSuspended)
}

// ResumePartner ends a suspension. Work let through before it stays refused.
func (r *Registry) ResumePartner(ctx context.Context, id models.PartnerID) (models.Partner, error) {
	return r.movePartner(ctx, id, models.PartnerSuspended, models.PartnerActive)
}

func (r *Registry) movePartner(ctx context.Context, id models.PartnerID, from, to models.PartnerState) (models.Partner, error) {
	id, ok := foldGUID(id)
	if !ok {
		return models.Partner{}, ErrPartnerNotFound
	}
	var partner models.Partner
	err := r.inTx(ctx, func(ctx context.Context, t change) (err error) {
		if partner, err = t.partner(id); err != nil {
			return err
		}
		s := switchOf{
			kind: models.SubjectOfPartner, gate: partner.Gate,
			table: "partners", id: string(id), from: string(from), to: string(to), stop: to == models.PartnerSuspended,
		}
		if err := r.turn(ctx, t, s); err != nil {
			return err
		}
		partner, err = t.partner(id)
		return err
	})
	return partner, err
}
