package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
)

// deviceAuthorization says why a device was allowed: on whose word, and if a partner
// registered it, under which grant, what that said at the time, and who gave it.
//
//	@Summary	Why a device was allowed
//	@Tags		devices
//	@Param		device	path	string	true	"device id, of a registration that stands or has ended"
//	@Param		tenant	query	string	false	"tenant id; for partners and operators"
//	@Param		partner	query	string	false	"partner id; for customers and operators"
//	@Success	200	{object}	wire.Authorization
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404,503	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/devices/{device}/authorization [get]
func (s *server) deviceAuthorization(c *gin.Context) error {
	p := query(c)
	p.only("tenant", "partner")
	scope, id, err := deviceAsked(c, p)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	device, err := s.Devices.Device(ctx, scope, id)
	if err != nil {
		return err
	}
	out := wire.Authorization{
		DeviceID: string(device.ID), RegisteredAt: device.RegisteredAt.UTC(), By: string(device.Authority),
		TrackingID: string(device.TrackingID), Row: device.Ordinal, Rule: ruleOf(device),
	}
	if out.AcceptedAt, err = s.acceptedAt(ctx, scope, device.TrackingID); err != nil {
		return err
	}
	if device.Authority == models.ByGrant {
		basis, err := s.Proofs.BasisAt(ctx, actor(c), device.GrantID, device.RegisteredAt)
		if err != nil && errs.KindOf(err) != errs.NotFound {
			return err
		}
		if basis != nil {
			out.Grant = wireBasis(*basis)
			out.Rule = ruleOfGrant(*basis)
		}
	}
	return answer(c, http.StatusOK, out)
}

// acceptedAt is when the gateway accepted an upload; nil when it is no longer kept.
func (s *server) acceptedAt(ctx context.Context, scope registration.Scope, tracking models.TrackingID) (*time.Time, error) {
	up, _, err := s.Uploads.BatchJobStatus(ctx, intake.Scope(scope), tracking)
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return nil, nil
	}
	return utc(up.AcceptedAt), err
}

// ruleOf says on whose word a device was registered without a grant.
func ruleOf(d registration.Device) string {
	switch d.Authority {
	case models.ByTenant:
		return "The customer registered its own device; no partner and no consent was involved."
	case models.ByOperator:
		return "The operator of this service settled a conflict, and the device came to this customer by that."
	}
	return "A grant allowed it that the caller may not see."
}

// ruleOfGrant says which terms were asked, and that they held.
func ruleOfGrant(b consent.Basis) string {
	parts := []string{"the grant was active", "it allowed " + consent.GrantScopeDevicesRegister}
	if limit := b.Terms.DeviceLimit; limit != nil {
		parts = append(parts, fmt.Sprintf("its limit of %d devices was not used up", *limit))
	} else {
		parts = append(parts, "it had no limit of devices")
	}
	for _, list := range []struct {
		name   string
		values []string
	}{{"manufacturer", b.Terms.Manufacturers}, {"group tag", b.Terms.GroupTags}, {"purchase order", b.Terms.PurchaseOrders}} {
		if len(list.values) > 0 {
			parts = append(parts, "the "+list.name+" was one of "+strings.Join(list.values, ", "))
		}
	}
	return "When the device was let through, " + strings.Join(parts, ", ") + ", and it lasted until " + b.Terms.Until.UTC().Format(time.RFC3339) + "."
}

func wireBasis(b consent.Basis) *wire.AuthorizingGrant {
	return &wire.AuthorizingGrant{
		ID: string(b.Grant), Epoch: b.Epoch, Version: b.Terms.Version, State: b.State, Scopes: b.Terms.Scopes, DeviceLimit: b.Terms.DeviceLimit,
		ConsentLists: wire.ConsentLists{Manufacturers: b.Terms.Manufacturers, GroupTags: b.Terms.GroupTags, PurchaseOrders: b.Terms.PurchaseOrders},
		Until:        b.Terms.Until.UTC(), GrantedAt: b.GrantedAt.UTC(), GrantedBy: wire.Decider(b.GrantedBy),
		Seq: b.Place.Seq, Hash: b.Place.Hash, History: consentLinks(string(b.Grant)).History,
	}
}
