package registration

import (
	"countersign/internal/errs"
	"countersign/models"
)

// checkSubmission refuses what the contract does not allow of a submission to
// register or to remove. It protects the core's promises from a faulty gateway: a
// submission that names a grant without its epoch could not be fenced.
func checkSubmission(sub models.Submission) error {
	if k := sub.Authority.Kind; k != models.ByGrant && k != models.ByTenant {
		return invalid("authority %q cannot register or remove devices", string(k))
	}
	return checkContract(sub)
}

// checkReport is checkSubmission for a factory's reports.
func checkReport(sub models.Submission) error {
	if k := sub.Authority.Kind; k != models.ByFactory {
		return invalid("authority %q cannot report devices", string(k))
	}
	return checkContract(sub)
}

func checkContract(sub models.Submission) error {
	if sub.Upload == "" {
		return invalid("the upload's id is missing")
	}
	if len(sub.Rows) == 0 || len(sub.Rows) > models.DispatchRows {
		return invalid("a submission has 1 to %d rows, this one has %d", models.DispatchRows, len(sub.Rows))
	}
	seen := make(map[int]bool, len(sub.Rows))
	for _, row := range sub.Rows {
		if row.Row < 1 || seen[row.Row] {
			return invalid("row %d is not positive or comes twice", row.Row)
		}
		seen[row.Row] = true
	}
	return checkAuthority(sub.Authority)
}

// checkAuthority asks for every subject the authority names, and those its kind
// needs, together with its epoch.
func checkAuthority(a models.Authority) error {
	if err := checkKind(a); err != nil {
		return err
	}
	grant, tenant, factory, operator := a.Kind == models.ByGrant, a.Kind == models.ByTenant, a.Kind == models.ByFactory, a.Kind == models.ByOperator
	for _, s := range []struct {
		kind   models.SubjectKind
		id     string
		needed bool
	}{
		{models.SubjectOfPartner, string(a.PartnerID), grant || factory},
		{models.SubjectOfClient, string(a.ClientID), operator},
		{models.SubjectOfTenant, string(a.TenantID), grant || tenant},
		{models.SubjectOfGrant, string(a.GrantID), grant},
	} {
		if s.id == "" && s.needed {
			return invalid("the authority names no %s", s.kind)
		}
		if s.id != "" && !hasEpoch(a.Epochs, s.kind, s.id) {
			return invalid("the authority states no epoch of its %s", s.kind)
		}
	}
	return nil
}

// checkKind refuses subjects that an authority of its kind has nothing to do with.
func checkKind(a models.Authority) error {
	switch {
	case a.Kind == models.ByTenant && (a.PartnerID != "" || a.GrantID != ""):
		return invalid("a tenant acts for itself, without partner and grant")
	case a.Kind == models.ByFactory && (a.TenantID != "" || a.GrantID != ""):
		return invalid("a factory reports for no tenant and under no grant")
	case a.Kind == models.ByOperator && (a.PartnerID != "" || a.TenantID != "" || a.GrantID != ""):
		return invalid("an operator acts for no partner and no tenant")
	case a.NotAfter.IsZero():
		return invalid("the authority has no end (notAfter)")
	}
	return nil
}

func hasEpoch(epochs []models.SubjectEpoch, kind models.SubjectKind, id string) bool {
	for _, e := range epochs {
		if e.Kind == kind && e.ID == id {
			return true
		}
	}
	return false
}

func invalid(format string, args ...any) error {
	return errs.Newf(errs.Invalid, "submission_invalid", "The registration core refuses the submission: "+format+".", args...)
}
