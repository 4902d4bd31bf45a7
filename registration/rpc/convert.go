package rpc

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"countersign/models"
	"countersign/registration"
	corev1 "countersign/registration/rpc/core/v1"
)

// Each message is written and read here. The zero time is an absent timestamp.

func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func optional(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

func optionalInstant(t *timestamppb.Timestamp) *time.Time {
	if t == nil {
		return nil
	}
	at := t.AsTime()
	return &at
}

// each converts a list; nil stays nil.
func each[In, Out any](in []In, convert func(In) Out) []Out {
	if in == nil {
		return nil
	}
	out := make([]Out, len(in))
	for i, one := range in {
		out[i] = convert(one)
	}
	return out
}

func writeSubmission(s models.Submission) *corev1.Submission {
	return &corev1.Submission{Upload: string(s.Upload), Rows: each(s.Rows, writeRow), Authority: writeAuthority(s.Authority)}
}

func readSubmission(s *corev1.Submission) models.Submission {
	return models.Submission{
		Upload: models.TrackingID(s.GetUpload()), Rows: each(s.GetRows(), readRow), Authority: readAuthority(s.GetAuthority()),
	}
}

func writeAuthority(a models.Authority) *corev1.Authority {
	return &corev1.Authority{
		Kind: string(a.Kind), PartnerId: string(a.PartnerID), ClientId: string(a.ClientID), TenantId: string(a.TenantID),
		GrantId: string(a.GrantID), Epochs: each(a.Epochs, writeEpoch), NotAfter: stamp(a.NotAfter), Manufacturers: a.Manufacturers,
	}
}

func readAuthority(a *corev1.Authority) models.Authority {
	return models.Authority{
		Kind: models.AuthorityKind(a.GetKind()), PartnerID: models.PartnerID(a.GetPartnerId()),
		ClientID: models.ClientID(a.GetClientId()), TenantID: models.TenantID(a.GetTenantId()),
		GrantID: models.GrantID(a.GetGrantId()), Epochs: each(a.GetEpochs(), readEpoch), NotAfter: instant(a.GetNotAfter()),
		Manufacturers: a.GetManufacturers(),
	}
}

func writeRow(r models.CoreRow) *corev1.Row {
	return &corev1.Row{
		Row: int64(r.Row), Identity: writeIdentity(r.Identity), Order: writeOrder(r.Order),
		DeviceId: string(r.DeviceID), SoldTo: string(r.SoldTo), Returned: r.Returned,
	}
}

func readRow(r *corev1.Row) models.CoreRow {
	return models.CoreRow{
		Row: int(r.GetRow()), Identity: readIdentity(r.GetIdentity()), Order: readOrder(r.GetOrder()),
		DeviceID: models.DeviceID(r.GetDeviceId()), SoldTo: models.PartnerID(r.GetSoldTo()), Returned: r.GetReturned(),
	}
}

func writeIdentity(i models.DeviceIdentity) *corev1.DeviceIdentity {
	return &corev1.DeviceIdentity{
		SerialNumber: i.SerialNumber, ProductKey: i.ProductKey, Manufacturer: i.Manufacturer, Model: i.Model, Hash: i.Hash,
	}
}

func readIdentity(i *corev1.DeviceIdentity) models.DeviceIdentity {
	return models.DeviceIdentity{
		SerialNumber: i.GetSerialNumber(), ProductKey: i.GetProductKey(), Manufacturer: i.GetManufacturer(),
		Model: i.GetModel(), Hash: i.GetHash(),
	}
}

func writeOrder(o models.OrderData) *corev1.OrderData {
	if o == (models.OrderData{}) {
		return nil
	}
	return &corev1.OrderData{
		PurchaseOrder: o.PurchaseOrder, OrderNumber: o.OrderNumber, OrderLine: o.OrderLine, DeliveryNote: o.DeliveryNote,
		ShipDate: o.ShipDate, GroupTag: o.GroupTag, CustomerReference: o.CustomerReference,
	}
}

func readOrder(o *corev1.OrderData) models.OrderData {
	return models.OrderData{
		PurchaseOrder: o.GetPurchaseOrder(), OrderNumber: o.GetOrderNumber(), OrderLine: o.GetOrderLine(),
		DeliveryNote: o.GetDeliveryNote(), ShipDate: o.GetShipDate(), GroupTag: o.GetGroupTag(),
		CustomerReference: o.GetCustomerReference(),
	}
}

func writeEpoch(e models.SubjectEpoch) *corev1.SubjectEpoch {
	return &corev1.SubjectEpoch{Kind: string(e.Kind), Id: e.ID, Epoch: e.Epoch}
}

func readEpoch(e *corev1.SubjectEpoch) models.SubjectEpoch {
	return models.SubjectEpoch{Kind: models.SubjectKind(e.GetKind()), ID: e.GetId(), Epoch: e.GetEpoch()}
}

func writeAnswer(a models.Answer) *corev1.Answer {
	return &corev1.Answer{
		Row: int64(a.Row), Code: string(a.Code), Detail: a.Detail, DeviceId: string(a.DeviceID), Absent: a.Absent,
		Record: writeRecord(a.Record),
	}
}

func readAnswer(a *corev1.Answer) models.Answer {
	return models.Answer{
		Row: int(a.GetRow()), Code: models.OutcomeCode(a.GetCode()), Detail: a.GetDetail(),
		DeviceID: models.DeviceID(a.GetDeviceId()), Absent: a.GetAbsent(),
		Record: readRecord(a.GetRecord()),
	}
}

func writeRecord(r models.RecordClaim) *corev1.RecordClaim {
	if r == (models.RecordClaim{}) {
		return nil
	}
	return &corev1.RecordClaim{
		ReportedBy: string(r.ReportedBy), ProductKey: r.ProductKey, SerialNumber: r.SerialNumber,
		Report: string(r.Report), ReportRow: int64(r.ReportRow), Foreign: r.Foreign,
	}
}

func readRecord(r *corev1.RecordClaim) models.RecordClaim {
	return models.RecordClaim{
		ReportedBy: models.PartnerID(r.GetReportedBy()), ProductKey: r.GetProductKey(), SerialNumber: r.GetSerialNumber(),
		Report: models.TrackingID(r.GetReport()), ReportRow: int(r.GetReportRow()), Foreign: r.GetForeign(),
	}
}

func writeResult(r models.Result) *corev1.Result {
	out := &corev1.Result{Answers: each(r.Answers, writeAnswer)}
	if r.Refusal != nil {
		out.Refusal = &corev1.Refusal{
			Reason: string(r.Refusal.Reason), Subject: writeEpoch(r.Refusal.Subject), MinEpoch: r.Refusal.MinEpoch,
		}
	}
	return out
}

func readResult(r *corev1.Result) models.Result {
	out := models.Result{Answers: each(r.GetAnswers(), readAnswer)}
	if refusal := r.GetRefusal(); refusal != nil {
		out.Refusal = &models.Refusal{
			Reason: models.RefusalReason(refusal.GetReason()), Subject: readEpoch(refusal.GetSubject()), MinEpoch: refusal.GetMinEpoch(),
		}
	}
	return out
}

func writeScope(s registration.Scope) *corev1.Scope {
	return &corev1.Scope{Partner: string(s.Partner), Tenant: string(s.Tenant)}
}

func readScope(s *corev1.Scope) registration.Scope {
	return registration.Scope{Partner: models.PartnerID(s.GetPartner()), Tenant: models.TenantID(s.GetTenant())}
}

func writePage(p registration.Page) *corev1.Page {
	return &corev1.Page{Cursor: p.Cursor, Limit: int64(p.Limit)}
}

func readPage(p *corev1.Page) registration.Page {
	return registration.Page{Cursor: p.GetCursor(), Limit: int(p.GetLimit())}
}

func writeFilter(f registration.Filter) *corev1.Filter {
	return &corev1.Filter{
		Serial: f.Serial, ProductKey: f.ProductKey, GroupTag: f.GroupTag, GrantId: string(f.Grant), State: string(f.State),
		Upload: string(f.Upload), Since: stamp(f.Since), Until: stamp(f.Until),
	}
}

func readFilter(f *corev1.Filter) registration.Filter {
	return registration.Filter{
		Serial: f.GetSerial(), ProductKey: f.GetProductKey(), GroupTag: f.GetGroupTag(), Grant: models.GrantID(f.GetGrantId()),
		State: models.RegistrationState(f.GetState()), Upload: models.TrackingID(f.GetUpload()), Since: instant(f.GetSince()), Until: instant(f.GetUntil()),
	}
}

// writeDevice leaves out what only the core uses: numbers of identities, and columns
// that stand in Order and Identity already.
func writeDevice(d registration.Device) *corev1.RegisteredDevice {
	return &corev1.RegisteredDevice{
		Id: string(d.ID), TenantId: string(d.TenantID), State: string(d.State), Authority: string(d.Authority),
		PartnerId: string(d.PartnerID), ClientId: string(d.ClientID), GrantId: string(d.GrantID),
		TrackingId: string(d.TrackingID), Row: int64(d.Ordinal), Order: writeOrder(d.Order), Identity: writeIdentity(d.Identity),
		RegisteredAt: stamp(d.RegisteredAt), EndedAt: optional(d.EndedAt), CapturedAt: stamp(d.CapturedAt),
		Evidence: writeEvidence(d.Evidence),
	}
}

func readDevice(d *corev1.RegisteredDevice) registration.Device {
	order := readOrder(d.GetOrder())
	return registration.Device{
		Registration: models.Registration{
			ID: models.DeviceID(d.GetId()), TenantID: models.TenantID(d.GetTenantId()), State: models.RegistrationState(d.GetState()),
			Authority: models.AuthorityKind(d.GetAuthority()), PartnerID: models.PartnerID(d.GetPartnerId()),
			ClientID: models.ClientID(d.GetClientId()), GrantID: models.GrantID(d.GetGrantId()),
			TrackingID: models.TrackingID(d.GetTrackingId()), Ordinal: int(d.GetRow()), GroupTag: order.GroupTag,
			RegisteredAt: instant(d.GetRegisteredAt()), EndedAt: optionalInstant(d.GetEndedAt()),
		},
		Order: order, Identity: readIdentity(d.GetIdentity()), CapturedAt: instant(d.GetCapturedAt()),
		Evidence: readEvidence(d.GetEvidence()),
	}
}

func writeEvent(e models.DeviceEvent) *corev1.Event {
	return &corev1.Event{
		Id: e.ID, IdentityId: e.IdentityID, DeviceId: string(e.DeviceID), Kind: string(e.Kind), TenantId: string(e.TenantID),
		PartnerId: string(e.PartnerID), ClientId: string(e.ClientID), GrantId: string(e.GrantID),
		TrackingId: string(e.TrackingID), Row: int64(e.Ordinal), Reason: e.Reason, At: stamp(e.At),
		Why: e.Why, OtherDevice: string(e.OtherDevice), CaseId: string(e.CaseID),
	}
}

func readEvent(e *corev1.Event) models.DeviceEvent {
	return models.DeviceEvent{
		ID: e.GetId(), IdentityID: e.GetIdentityId(), DeviceID: models.DeviceID(e.GetDeviceId()), Kind: models.DeviceEventKind(e.GetKind()),
		TenantID: models.TenantID(e.GetTenantId()), PartnerID: models.PartnerID(e.GetPartnerId()),
		ClientID: models.ClientID(e.GetClientId()), GrantID: models.GrantID(e.GetGrantId()),
		TrackingID: models.TrackingID(e.GetTrackingId()), Ordinal: int(e.GetRow()), Reason: e.GetReason(), At: instant(e.GetAt()),
		Why: e.GetWhy(), OtherDevice: models.DeviceID(e.GetOtherDevice()), CaseID: models.CaseID(e.GetCaseId()),
	}
}

func writeOwner(o *registration.Owner) *corev1.Owner {
	if o == nil {
		return nil
	}
	return &corev1.Owner{TenantId: string(o.TenantID), DeviceId: string(o.DeviceID), GroupTag: o.GroupTag}
}

func readOwner(o *corev1.Owner) *registration.Owner {
	if o == nil {
		return nil
	}
	return &registration.Owner{
		TenantID: models.TenantID(o.GetTenantId()), DeviceID: models.DeviceID(o.GetDeviceId()), GroupTag: o.GetGroupTag(),
	}
}

// toRows and fromRows carry row numbers.
func toRows(rows []int) []int64 { return each(rows, func(r int) int64 { return int64(r) }) }

func fromRows(rows []int64) []int { return each(rows, func(r int64) int { return int(r) }) }
