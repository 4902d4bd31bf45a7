package portal

import (
	"context"
	"net/http"

	"countersign/authz/signin"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/partners"
)

// domainFaults are the sentences about a domain, by the word of the refusal.
var domainFaults = map[string]string{
	"domain_not_proven": "domains.not_proven", "dns_unavailable": "domains.not_proven", partners.ErrDomainTaken.Code: "domains.taken",
	"domain_challenge_missing": "domains.wrong", "domain_not_found": "domains.wrong",
}

// domains reads what the tenant has proven, and what is under way.
func (v *visit) domains(tenant partners.Tenant) (DomainList, error) {
	if v.Domains != nil {
		return v.Domains.DomainsOf(v.r.Context(), tenant.ID)
	}
	var list DomainList
	for _, name := range tenant.Domains {
		list.Domains = append(list.Domains, models.TenantDomain{Domain: name, TenantID: tenant.ID})
	}
	return list, nil
}

// addDomain begins the proof of a domain, which a person of the tenant finishes in the DNS.
func (v *visit) addDomain() error {
	return v.domain("domain_begun", func(domain string) error {
		_, err := v.Domains.ChallengeDomain(v.acting(), v.session.Person.TenantID, domain)
		return err
	})
}

// proveDomain looks into the DNS.
func (v *visit) proveDomain() error {
	return v.domain("domain_proven", func(domain string) error {
		_, err := v.Domains.VerifyDomain(v.acting(), v.session.Person.TenantID, domain)
		return err
	})
}

func (v *visit) releaseDomain() error {
	return v.domain("domain_released", func(domain string) error {
		return v.Domains.ReleaseDomain(v.acting(), v.session.Person.TenantID, domain)
	})
}

// acting names the person to the register, which keeps the domains and otherwise takes the
// change for an operator's.
func (v *visit) acting() context.Context {
	by := v.by()
	return partners.Acting(v.r.Context(), partners.By{Kind: by.Kind, ID: by.ID, RequestID: by.RequestID})
}

// domain changes one domain, and shows the page again with what is wrong.
func (v *visit) domain(word string, change func(domain string) error) error {
	if v.Domains == nil {
		return errNoPage
	}
	if !v.session.Fresh {
		return errNotFresh.WithCause(signin.ErrNotFresh)
	}
	domain := domainOf(v.field("domain"))
	err := change(domain)
	if err == nil {
		v.done(word, organisationPath)
		return nil
	}
	key, known := domainFaults[errs.From(err).Code]
	if !known && errs.KindOf(err) != errs.Invalid {
		return err
	}
	if !known {
		key = "domains.wrong"
	}
	return v.organisationPage(http.StatusBadRequest, v.T(key, "domain", domain))
}
