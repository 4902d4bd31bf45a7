package rpc

import (
	"time"

	"countersign/models"
	"countersign/registration"
	corev1 "countersign/registration/rpc/core/v1"
)

func writeEvidence(q *registration.Quality) *corev1.Evidence {
	if q == nil {
		return nil
	}
	return &corev1.Evidence{
		TpmSeen: q.TPMSeen, WindowsPe: q.WindowsPE, Missing: q.Missing, Placeholders: q.Placeholders,
		MadeAt: optional(q.MadeAt), AgeSeconds: int64(q.Age / time.Second),
	}
}

func readEvidence(q *corev1.Evidence) *registration.Quality {
	if q == nil {
		return nil
	}
	return &registration.Quality{
		TPMSeen: q.GetTpmSeen(), WindowsPE: q.GetWindowsPe(), Missing: q.GetMissing(), Placeholders: q.GetPlaceholders(),
		MadeAt: optionalInstant(q.GetMadeAt()), Age: time.Duration(q.GetAgeSeconds()) * time.Second,
	}
}

func writeCompared(c registration.Compared) *corev1.Comparison {
	return &corev1.Comparison{
		Rule: int64(c.Rule), Agreeing: c.Agreeing, Conflicting: c.Conflicting, Unknown: c.Unknown, WithoutTpm: c.WithoutTPM,
	}
}

func readCompared(c *corev1.Comparison) registration.Compared {
	return registration.Compared{
		Rule: int(c.GetRule()), Agreeing: c.GetAgreeing(), Conflicting: c.GetConflicting(), Unknown: c.GetUnknown(),
		WithoutTPM: c.GetWithoutTpm(),
	}
}

func writeExplanation(e registration.Explanation) *corev1.Explanation {
	return &corev1.Explanation{
		At: stamp(e.At), Kind: string(e.Kind), Said: e.Said, Reason: e.Reason,
		Comparison: &corev1.Comparison{
			Rule: int64(e.Rule), Agreeing: e.Agreeing, Conflicting: e.Conflicting, Unknown: e.Unknown, WithoutTpm: e.WithoutTPM,
		},
		DeviceId: string(e.DeviceID), Other: string(e.Other), TenantId: string(e.TenantID), PartnerId: string(e.PartnerID),
		TrackingId: string(e.TrackingID), Row: int64(e.Row), CaseId: string(e.CaseID),
	}
}

func readExplanation(e *corev1.Explanation) registration.Explanation {
	c := e.GetComparison()
	return registration.Explanation{
		At: instant(e.GetAt()), Kind: models.DeviceEventKind(e.GetKind()), Said: e.GetSaid(), Reason: e.GetReason(),
		Rule: int(c.GetRule()), Agreeing: c.GetAgreeing(), Conflicting: c.GetConflicting(), Unknown: c.GetUnknown(), WithoutTPM: c.GetWithoutTpm(),
		DeviceID: models.DeviceID(e.GetDeviceId()), Other: models.DeviceID(e.GetOther()), TenantID: models.TenantID(e.GetTenantId()),
		PartnerID: models.PartnerID(e.GetPartnerId()), TrackingID: models.TrackingID(e.GetTrackingId()), Row: int(e.GetRow()),
		CaseID: models.CaseID(e.GetCaseId()),
	}
}

func writeCaseScope(s registration.CaseScope) *corev1.CaseScope {
	return &corev1.CaseScope{Scope: writeScope(s.Scope), Operator: s.Operator}
}

func readCaseScope(s *corev1.CaseScope) registration.CaseScope {
	return registration.CaseScope{Scope: readScope(s.GetScope()), Operator: s.GetOperator()}
}

func writeCaseFilter(f registration.CaseFilter) *corev1.CaseFilter {
	return &corev1.CaseFilter{State: string(f.State), Settler: string(f.Settler), Reason: f.Reason, Device: string(f.Device)}
}

func readCaseFilter(f *corev1.CaseFilter) registration.CaseFilter {
	return registration.CaseFilter{
		State: models.CaseState(f.GetState()), Settler: models.Settler(f.GetSettler()), Reason: f.GetReason(), Device: models.DeviceID(f.GetDevice()),
	}
}

// writeCase leaves out what only the core uses.
func writeCase(c registration.Case) *corev1.AttentionCase {
	out := &corev1.AttentionCase{
		Id: string(c.ID), State: string(c.State), Settler: string(c.Settler), SettlerId: c.SettlerID, Rule: int64(c.Rule), Reason: c.Reason,
		Authority: string(c.Authority), TenantId: string(c.TenantID), PartnerId: string(c.PartnerID), ClientId: string(c.ClientID),
		GrantId: string(c.GrantID), TrackingId: string(c.TrackingID), Row: int64(c.Ordinal), Rows: c.Rows, Times: int64(c.Times),
		OpenedAt: stamp(c.OpenedAt), LastSeenAt: stamp(c.LastSeenAt), SettledAt: optional(c.SettledAt),
		SettledBy: string(c.SettledBy), SettledById: string(c.SettledByID), SettledDevice: string(c.SettledDevice),
		ResultDevice: string(c.ResultDevice), Note: c.Note,
		Involved: each(c.Involved, func(i registration.Involved) *corev1.Involved {
			return &corev1.Involved{DeviceId: string(i.DeviceID), Own: i.Own, Comparison: writeCompared(i.Compared)}
		}),
	}
	if c.SettledAs != nil {
		out.SettledAs = string(*c.SettledAs)
	}
	return out
}

func readCase(c *corev1.AttentionCase) registration.Case {
	out := registration.Case{
		AttentionCase: models.AttentionCase{
			ID: models.CaseID(c.GetId()), State: models.CaseState(c.GetState()), Settler: models.Settler(c.GetSettler()), SettlerID: c.GetSettlerId(),
			Rule: int(c.GetRule()), Reason: c.GetReason(), Authority: models.AuthorityKind(c.GetAuthority()), TenantID: models.TenantID(c.GetTenantId()),
			PartnerID: models.PartnerID(c.GetPartnerId()), ClientID: models.ClientID(c.GetClientId()), GrantID: models.GrantID(c.GetGrantId()),
			TrackingID: models.TrackingID(c.GetTrackingId()), Ordinal: int(c.GetRow()), Rows: c.GetRows(), Times: int(c.GetTimes()),
			OpenedAt: instant(c.GetOpenedAt()), LastSeenAt: instant(c.GetLastSeenAt()), SettledAt: optionalInstant(c.GetSettledAt()),
			SettledBy: models.AuthorityKind(c.GetSettledBy()), SettledByID: models.ClientID(c.GetSettledById()),
			SettledDevice: models.DeviceID(c.GetSettledDevice()), ResultDevice: models.DeviceID(c.GetResultDevice()), Note: c.GetNote(),
		},
		Involved: each(c.GetInvolved(), func(i *corev1.Involved) registration.Involved {
			return registration.Involved{DeviceID: models.DeviceID(i.GetDeviceId()), Own: i.GetOwn(), Compared: readCompared(i.GetComparison())}
		}),
	}
	if as := models.Settlement(c.GetSettledAs()); as != "" {
		out.SettledAs = &as
	}
	return out
}

func writeSettling(s models.Settling) *corev1.SettleRequest {
	return &corev1.SettleRequest{
		CaseId: string(s.Case), As: string(s.As), Device: string(s.Device), Note: s.Note, Authority: writeAuthority(s.Authority),
	}
}

func readSettling(s *corev1.SettleRequest) models.Settling {
	return models.Settling{
		Case: models.CaseID(s.GetCaseId()), As: models.Settlement(s.GetAs()), Device: models.DeviceID(s.GetDevice()), Note: s.GetNote(),
		Authority: readAuthority(s.GetAuthority()),
	}
}
