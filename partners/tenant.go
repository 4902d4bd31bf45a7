package partners

import (
	"context"
	"slices"
	"strings"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// NewTenant describes a customer to be created.
type NewTenant struct {
	// ID is a GUID; empty makes one. A given one is somebody else's to give out: until
	// the provider that did so proves it, nobody signs in for the tenant.
	ID      models.TenantID
	Name    string
	Domains []string // belong to the customer, on the operator's word
	// Language is that of mails to the customer's people, as a two-letter code; empty is
	// English.
	Language string
}

// Tenant is a customer with its domains, in order of the alphabet.
type Tenant struct {
	models.Tenant
	Domains []string
}

// CreateTenant registers an active tenant with its verified domains. It fails
// with ErrInvalid, ErrTenantExists or ErrDomainTaken.
func (r *Registry) CreateTenant(ctx context.Context, in NewTenant) (Tenant, error) {
	proof := models.IDNamed
	if in.ID == "" {
		in.ID, proof = models.TenantID(r.deps.NewID()), models.IDIssued
	}
	id, validID := foldGUID(in.ID)
	domains, wrong := foldDomains(in.Domains)
	wrong.name(in.Name)
	if in.Language == "" {
		in.Language = "en"
	}
	wrong.language(in.Language)
	wrong.add(!validID || strings.Trim(string(id), "0-") == "", "id", "must be a GUID other than zero, or absent")
	if err := wrong.err(); err != nil {
		return Tenant{}, err
	}
	tenant := models.Tenant{ID: id, Name: strings.TrimSpace(in.Name), State: models.TenantActive, Epoch: 1, IDProof: proof, Language: in.Language}
	err := r.inTx(ctx, func(ctx context.Context, t change) error {
		tenant.CreatedAt = t.now
		if err := t.add(&tenant); err != nil {
			return named(err, ErrTenantExists)
		}
		for _, domain := range domains {
			row := models.TenantDomain{Domain: domain, TenantID: id, Proof: models.ProvenByOperator, VerifiedAt: t.now}
			if err := t.add(&row); err != nil {
				return named(err, ErrDomainTaken)
			}
		}
		return t.noteTenant(ctx, ledger.TenantCreated, tenant, domains)
	})
	return Tenant{tenant, domains}, err
}

// named replaces a violated unique index by the rule behind it.
func named(err, rule error) error {
	if db.IsDuplicate(err) {
		return rule
	}
	return err
}

// foldDomains brings domains to the form they are stored in, sorted, each once.
func foldDomains(domains []string) ([]string, complaints) {
	var wrong complaints
	wrong.add(len(domains) > maxDomains, "domains", "must be at most 100")
	folded := make([]string, 0, len(domains))
	for _, domain := range domains {
		domain = strings.ToLower(strings.TrimSpace(domain))
		wrong.add(!validDomain(domain) && len(wrong) == 0, "domains",
			"each must be a host name of two or more labels such as contoso.com, in xn-- form where it has other letters")
		folded = append(folded, domain)
	}
	slices.Sort(folded)
	return slices.Compact(folded), wrong
}

// Tenant returns one tenant, or ErrTenantNotFound.
func (r *Registry) Tenant(ctx context.Context, id models.TenantID) (Tenant, error) {
	id, ok := foldGUID(id)
	if !ok {
		return Tenant{}, ErrTenantNotFound
	}
	found, err := r.read(ctx).tenant(id)
	if err != nil {
		return Tenant{}, stored(err)
	}
	with, err := r.withDomains(ctx, []models.Tenant{found})
	if err != nil {
		return Tenant{}, err
	}
	return with[0], nil
}

// Tenants lists tenants with the cursor of the next page.
func (r *Registry) Tenants(ctx context.Context, page Page) ([]Tenant, string, error) {
	after, err := page.after()
	if err != nil {
		return nil, "", err
	}
	found, err := r.read(ctx).tenants(after, page.size()+1)
	if err != nil {
		return nil, "", stored(err)
	}
	found, next := cut(found, page.size(), func(t models.Tenant) string { return string(t.ID) })
	items, err := r.withDomains(ctx, found)
	return items, next, err
}

func (r *Registry) withDomains(ctx context.Context, tenants []models.Tenant) ([]Tenant, error) {
	ids := make([]models.TenantID, len(tenants))
	for i, t := range tenants {
		ids[i] = t.ID
	}
	domains, err := r.read(ctx).domainsOf(ids)
	if err != nil {
		return nil, stored(err)
	}
	out := make([]Tenant, len(tenants))
	for i, t := range tenants {
		out[i] = Tenant{t, domains[t.ID]}
	}
	return out, nil
}

// SuspendTenant stops everything for a tenant: nothing is registered for it, its
// own clients are refused, and the core gets a fence. ErrWrongState when it is
// suspended already.
func (r *Registry) SuspendTenant(ctx context.Context, id models.TenantID) (models.Tenant, error) {
	return r.moveTenant(ctx, id, models.TenantActive, models.TenantSuspended)
}

// ResumeTenant ends a suspension. Work let through before it stays refused.
func (r *Registry) ResumeTenant(ctx context.Context, id models.TenantID) (models.Tenant, error) {
	return r.moveTenant(ctx, id, models.TenantSuspended, models.TenantActive)
}

func (r *Registry) moveTenant(ctx context.Context, id models.TenantID, from, to models.TenantState) (models.Tenant, error) {
	id, ok := foldGUID(id)
	if !ok {
		return models.Tenant{}, ErrTenantNotFound
	}
	var tenant models.Tenant
	err := r.inTx(ctx, func(ctx context.Context, t change) (err error) {
		if tenant, err = t.tenant(id); err != nil {
			return err
		}
		s := switchOf{
			kind: models.SubjectOfTenant, gate: tenant.Gate,
			table: "tenants", id: string(id), from: string(from), to: string(to), stop: to == models.TenantSuspended,
		}
		if err := r.turn(ctx, t, s); err != nil {
			return err
		}
		tenant, err = t.tenant(id)
		return err
	})
	return tenant, err
}
