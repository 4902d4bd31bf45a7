package gateway

import (
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/wire"
	"countersign/models"
)

// wireConsent shapes a request or grant with the names of both sides.
func wireConsent(c *gin.Context, in consent.Consent) wire.Consent {
	var out wire.Consent
	switch {
	case in.Grant != nil:
		out = wireGrant(*in.Grant)
		under(&out, in.Grant, in.Root)
		if in.Request != nil {
			out.Purpose, out.Reference = in.Request.Purpose, in.Request.Reference
			out.Tenant.Addressed = in.Request.TenantRef
		}
	case in.Request != nil:
		out = wireRequest(c, *in.Request)
	}
	out.Partner.Name, out.Tenant.Name = in.PartnerName, in.TenantName
	return out
}

// wireRequest shapes a request. A partner is not told which tenant it reached: that
// would tell whether the domain it wrote belongs to anybody.
func wireRequest(c *gin.Context, r models.ConsentRequest) wire.Consent {
	out := wire.Consent{
		ID: string(r.ID), Kind: string(consent.KindRequest), State: string(r.State),
		Partner: wire.Party{ID: string(r.PartnerID)}, Tenant: wire.Party{Addressed: r.TenantRef},
		Purpose: r.Purpose, Reference: r.Reference, Scopes: strings.Fields(r.Scopes),
		Devices: wire.DeviceGauge{Limit: r.DeviceLimit, Left: r.DeviceLimit}, ConsentLists: wireLists(r.GrantLists), ExpiresAt: r.GrantUntil.UTC(),
		AnswerUntil: utc(&r.ExpiresAt), CreatedAt: r.CreatedAt.UTC(), DecidedAt: utc(r.DecidedAt),
		Links: consentLinks(string(r.ID)),
	}
	if r.TenantID != nil && caller(c).Kind != models.OwnerPartner {
		out.Tenant.ID = string(*r.TenantID)
	}
	if r.GrantID != nil {
		out.GrantID = string(*r.GrantID)
	}
	if r.LinkUntil != nil {
		out.Link = &wire.ConsentLink{Until: r.LinkUntil.UTC()}
	}
	out.Amends, out.Derives = orEmpty(r.Amends), orEmpty(r.Derives)
	out.Reminders, out.RemindedAt = r.Reminders, utc(r.RemindedAt)
	return out
}

func wireGrant(g models.Grant) wire.Consent {
	out := wire.Consent{
		ID: string(g.ID), Kind: string(consent.KindGrant), State: string(g.State),
		Partner: wire.Party{ID: string(g.PartnerID)}, Tenant: wire.Party{ID: string(g.TenantID)},
		Scopes:       strings.Fields(g.Scopes),
		Devices:      wire.DeviceGauge{Limit: g.DeviceLimit, Used: g.DevicesUsed, Reserved: g.DevicesReserved, Left: left(g)},
		ConsentLists: wireLists(g.GrantLists), ExpiresAt: g.ExpiresAt.UTC(), CreatedAt: g.CreatedAt.UTC(), Links: consentLinks(string(g.ID)),
	}
	out.Version, out.LastUsedAt = g.Version, utc(g.LastUsedAt)
	if g.RequestID != nil {
		out.RequestID = string(*g.RequestID)
	}
	if g.DerivedFrom != nil {
		out.DerivedFrom = &wire.Under{GrantID: string(*g.DerivedFrom), Used: g.DevicesUsed, Reserved: g.DevicesReserved}
	}
	if g.EndedAt != nil {
		out.Ended = &wire.ConsentEnd{At: g.EndedAt.UTC(), By: orEmpty(g.EndedBy), Reason: orEmpty(g.EndReason)}
	}
	return out
}

// under shows the limits and counters of what a derived grant rests on as its own.
func under(out *wire.Consent, g, root *models.Grant) {
	if root == nil || out.DerivedFrom == nil {
		return
	}
	out.DerivedFrom.PartnerID = string(root.PartnerID)
	shown := wireGrant(*root)
	out.Devices, out.ConsentLists = shown.Devices, shown.ConsentLists
	if root.ExpiresAt.Before(g.ExpiresAt) {
		out.ExpiresAt = shown.ExpiresAt
	}
}

func wireLast(l models.LastDevice) *wire.LastDevice {
	if l.TrackingID == nil || l.Row == nil || l.RegisteredAt == nil {
		return nil
	}
	return &wire.LastDevice{TrackingID: string(*l.TrackingID), Row: *l.Row, DeviceID: orEmpty(l.DeviceID), RegisteredAt: l.RegisteredAt.UTC()}
}

// limitsIn are the limits a caller wrote.
func limitsIn(devices *int64, l wire.ConsentLists) consent.Limits {
	return consent.Limits{Devices: devices, Manufacturers: l.Manufacturers, GroupTags: l.GroupTags, PurchaseOrders: l.PurchaseOrders}
}

func wireLists(l models.GrantLists) wire.ConsentLists {
	return wire.ConsentLists{Manufacturers: l.Manufacturers, GroupTags: l.GroupTags, PurchaseOrders: l.PurchaseOrders}
}

// left is what the device limit still leaves; nil without a limit.
func left(g models.Grant) *int64 {
	if g.DeviceLimit == nil {
		return nil
	}
	n := max(0, *g.DeviceLimit-g.DevicesUsed-g.DevicesReserved)
	return &n
}

func wireRevocation(r consent.Revocation) *wire.Revocation {
	out := &wire.Revocation{Done: r.Done, NothingAfter: r.NothingAfter.UTC()}
	if r.Done {
		out.Moment = utc(&r.Moment)
		out.Last = wireLast(r.Last)
	}
	return out
}

func consentLinks(id string) wire.ConsentLinks {
	self := consentsPath + "/" + id
	return wire.ConsentLinks{Self: self, History: self + "/history", Receipt: self + "/receipt"}
}

func utc(t *time.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	at := t.UTC()
	return &at
}

func orEmpty[T ~string](s *T) string {
	if s == nil {
		return ""
	}
	return string(*s)
}
