package partners

import (
	"context"
	"regexp"

	"countersign/internal/ledger"
	"countersign/models"
)

var languageForm = regexp.MustCompile(`^[a-z]{2,3}$`)

func (c *complaints) contact(address string) {
	c.add(address != "" && !models.ValidMailAddress(address), "contact", "must be an address of mail such as devices@northwind.example, or absent")
}

func (c *complaints) language(code string) {
	c.add(!languageForm.MatchString(code), "language", "must be the code of a language, such as en or de")
}

// SetContact changes where notices to a partner go; empty for nowhere. It fails with
// ErrInvalid or ErrPartnerNotFound.
func (r *Registry) SetContact(ctx context.Context, id models.PartnerID, address string) (models.Partner, error) {
	var wrong complaints
	wrong.contact(address)
	if err := wrong.err(); err != nil {
		return models.Partner{}, err
	}
	return r.changePartner(ctx, id, func(t change, id models.PartnerID) error { return t.setContact(id, address) })
}

// SetLanguage changes in which language a tenant's people get mail. It fails with
// ErrInvalid or ErrTenantNotFound.
func (r *Registry) SetLanguage(ctx context.Context, id models.TenantID, code string) (Tenant, error) {
	var wrong complaints
	wrong.language(code)
	if err := wrong.err(); err != nil {
		return Tenant{}, err
	}
	tenant, err := r.Tenant(ctx, id)
	if err != nil {
		return Tenant{}, err
	}
	err = r.inTx(ctx, func(ctx context.Context, t change) error {
		if err := t.setLanguage(tenant.ID, code); err != nil {
			return err
		}
		return t.noteTenant(ctx, ledger.TenantChanged, tenant.Tenant, tenant.Domains)
	})
	tenant.Language = code
	return tenant, err
}
