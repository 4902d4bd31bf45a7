package partners

import (
	"context"
	"strings"
	"unicode/utf8"

	"countersign/models"
)

// HasDomain reports whether a tenant has proven a domain, compared without case. An
// unknown tenant has none.
func (r *Registry) HasDomain(ctx context.Context, tenant models.TenantID, domain string) (bool, error) {
	domain = strings.ToLower(strings.TrimSpace(domain))
	if !validDomain(domain) {
		return false, nil
	}
	has, err := r.read(ctx).hasDomain(tenant, domain)
	return has, stored(err)
}

// PartnerNamed finds the one partner that a reference means: its id, or its partner
// network id. ok is false when it means none, or several.
func (r *Registry) PartnerNamed(ctx context.Context, ref string) (id models.PartnerID, ok bool, err error) {
	ref = strings.TrimSpace(ref)
	if ref == "" || len(ref) > maxMPNID || !utf8.ValidString(ref) || strings.IndexByte(ref, 0) >= 0 {
		return "", false, nil
	}
	guid, isGUID := foldGUID(models.PartnerID(ref))
	if !isGUID {
		guid = ""
	}
	found, err := r.read(ctx).partnersNamed(guid, ref)
	if err != nil || len(found) != 1 {
		return "", false, stored(err)
	}
	return found[0], true, nil
}
