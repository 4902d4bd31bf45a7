package registration

import (
	"bytes"
	"cmp"
	"slices"

	"countersign/models"
)

// The columns of bulk inserts and the values that fill them, in one order. Plain
// strings and numbers, because COPY does not look behind named types.

var (
	anchorColumns       = []string{"kind", "key", "identity_id"}
	registrationColumns = []string{
		"id", "identity_id", "tenant_id", "state", "authority", "partner_id", "client_id", "grant_id",
		"tracking_id", "ordinal", "group_tag", "order_data", "registered_at",
		"quality", "hash_made_at",
	}
	identityColumns = []string{
		"id", "ek_digest", "smbios_uuid", "macs", "manufacturer", "product", "serial",
		"system_disk", "product_key", "reported_by", "created_at", "captured_at",
		"report_tracking_id", "report_row", "sold_to",
	}
	hashColumns  = []string{"identity_id", "digest", "hash"}
	keyColumns   = []string{"key", "identity_id"}
	eventColumns = []string{
		"identity_id", "device_id", "kind", "tenant_id", "partner_id", "client_id", "grant_id",
		"tracking_id", "ordinal", "reason", "at", "why", "other_device", "case_id",
	}
	statementColumns = []string{"key", "partner_id", "tracking_id", "ordinal"}
	answerColumns    = []string{"tracking_id", "ordinal", "code", "detail", "device_id", "absent", "answered_at", "record"}
)

func anchorValues(a *models.RegistrationAnchor) []any { return []any{a.Kind, a.Key, a.IdentityID} }

func registrationValues(r *models.Registration) []any {
	return []any{
		string(r.ID), r.IdentityID, string(r.TenantID), string(r.State), string(r.Authority), string(r.PartnerID),
		string(r.ClientID), string(r.GrantID), string(r.TrackingID), r.Ordinal, r.GroupTag, r.OrderData, r.RegisteredAt,
		int64(r.Quality), r.HashMadeAt,
	}
}

func identityValues(i *models.Identity) []any {
	return []any{
		i.ID, orNull(i.EKDigest), orNull(i.SMBIOSUUID), orNull(i.MACs), i.Manufacturer, i.Product, i.Serial,
		i.SystemDisk, i.ProductKey, string(i.ReportedBy), i.CreatedAt, i.CapturedAt,
		string(i.ReportTrackingID), i.ReportRow, string(i.SoldTo),
	}
}

func hashValues(h *models.IdentityHash) []any { return []any{h.IdentityID, h.Digest, h.Hash} }

func keyValues(k *models.IdentityKey) []any { return []any{k.Key, k.IdentityID} }

func eventValues(e *models.DeviceEvent) []any {
	return []any{
		e.IdentityID, string(e.DeviceID), string(e.Kind), string(e.TenantID), string(e.PartnerID), string(e.ClientID),
		string(e.GrantID), string(e.TrackingID), e.Ordinal, e.Reason, e.At, e.Why, string(e.OtherDevice), string(e.CaseID),
	}
}

func statementValues(s *models.FactoryStatement) []any {
	return []any{s.Key, string(s.PartnerID), string(s.TrackingID), s.Ordinal}
}

func answerValues(a *models.StoredAnswer) []any {
	record, err := a.Record.Value()
	if err != nil {
		panic(err) // strings and numbers always become JSON
	}
	return []any{string(a.TrackingID), a.Ordinal, string(a.Code), a.Detail, string(a.DeviceID), a.Absent, a.AnsweredAt, record}
}

// identityChanges are the columns a newer capture may change.
func identityChanges(i models.Identity) map[string]any {
	return map[string]any{
		"ek_digest": orNull(i.EKDigest), "smbios_uuid": orNull(i.SMBIOSUUID), "macs": orNull(i.MACs),
		"manufacturer": i.Manufacturer, "product": i.Product, "serial": i.Serial,
		"system_disk": i.SystemDisk, "product_key": i.ProductKey, "captured_at": i.CapturedAt,
	}
}

// recordChanges are the columns a factory's report may change.
func recordChanges(i models.Identity) map[string]any {
	return map[string]any{
		"reported_by": i.ReportedBy, "report_tracking_id": i.ReportTrackingID, "report_row": i.ReportRow,
		"sold_to": i.SoldTo, "product_key": i.ProductKey,
	}
}

// orNull stores unknown bytes as NULL, which an empty slice is not.
func orNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// sort brings what may collide into the one order all transactions use.
func (p *plan) sort() {
	slices.SortFunc(p.anchors, func(a, b models.RegistrationAnchor) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), bytes.Compare(a.Key, b.Key))
	})
	slices.SortFunc(p.registrations, func(a, b models.Registration) int { return cmp.Compare(a.IdentityID, b.IdentityID) })
	slices.SortFunc(p.statements, func(a, b models.FactoryStatement) int { return bytes.Compare(a.Key, b.Key) })
	slices.SortFunc(p.changes, func(a, b change) int { return cmp.Compare(a.id, b.id) })
	slices.SortFunc(p.keys, func(a, b models.IdentityKey) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.IdentityID, b.IdentityID))
	})
	slices.SortFunc(p.answers, func(a, b models.StoredAnswer) int { return cmp.Compare(a.Ordinal, b.Ordinal) })
}
