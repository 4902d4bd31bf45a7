package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/gateway/wire"
	"countersign/models"
	"countersign/registration"
)

const ownDevicesPath = "/v1/devices"

// stateAll asks for devices whatever their state; active is the default, because a
// list of devices is read as what is there.
const stateAll = "all"

// findDevices lists devices by what is known of them, newest registration first.
//
//	@Summary	Find devices
//	@Tags		devices
//	@Param		serialNumber	query	string	false	"serial number; letter case does not count"
//	@Param		productKey		query	string	false	"product key id (PKID), 13 digits"
//	@Param		groupTag		query	string	false	"group tag, exactly"
//	@Param		grant			query	string	false	"registered under this grant"
//	@Param		upload			query	string	false	"registered by the upload with this tracking id"
//	@Param		state			query	string	false	"active (unless told), ended or all"
//	@Param		since			query	string	false	"registered at or after this time"
//	@Param		until			query	string	false	"registered before this time"
//	@Param		tenant			query	string	false	"tenant id; for partners and operators"
//	@Param		partner			query	string	false	"partner id; for customers and operators"
//	@Param		cursor			query	string	false	"from the page before"
//	@Param		limit			query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.RegisteredDevice]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/devices [get]
func (s *server) findDevices(c *gin.Context) error {
	p := query(c)
	p.only("serialNumber", "productKey", "groupTag", "grant", "upload", "state", "since", "until", "tenant", "partner", "cursor", "limit")
	page, filter := p.ownPage(), p.deviceFilter()
	scope, err := deviceScope(c, p)
	if err != nil {
		return err
	}
	found, next, err := s.Devices.Devices(c.Request.Context(), scope, filter, registration.Page(page))
	if err != nil {
		return err
	}
	items := make([]wire.RegisteredDevice, len(found))
	for i, d := range found {
		items[i] = wireRegistered(d)
	}
	return answerPage(c, items, next)
}

// getDevice returns one device with the beginning of its history.
//
//	@Summary	Get a device
//	@Tags		devices
//	@Param		device	path	string	true	"device id"
//	@Param		tenant	query	string	false	"tenant id; for partners and operators"
//	@Param		partner	query	string	false	"partner id; for customers and operators"
//	@Success	200	{object}	wire.RegisteredDevice
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/devices/{device} [get]
func (s *server) getDevice(c *gin.Context) error {
	p := query(c)
	p.only("tenant", "partner")
	scope, id, err := deviceAsked(c, p)
	if err != nil {
		return err
	}
	device, err := s.Devices.Device(c.Request.Context(), scope, id)
	if err != nil {
		return err
	}
	events, next, err := s.Devices.History(c.Request.Context(), scope, id, registration.Page{Limit: defaultPage})
	if err != nil {
		return err
	}
	out := wireRegistered(device)
	out.History = wireEvents(events)
	if next != "" {
		out.HistoryLink = historyLink(id, p, next)
	}
	return answer(c, http.StatusOK, out)
}

// deviceHistory lists what happened to a device, oldest first.
//
//	@Summary	History of a device
//	@Tags		devices
//	@Param		device	path	string	true	"device id"
//	@Param		tenant	query	string	false	"tenant id; for partners and operators"
//	@Param		partner	query	string	false	"partner id; for customers and operators"
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.DeviceEvent]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/devices/{device}/history [get]
func (s *server) deviceHistory(c *gin.Context) error {
	p := query(c)
	p.only("tenant", "partner", "cursor", "limit")
	page := p.ownPage()
	scope, id, err := deviceAsked(c, p)
	if err != nil {
		return err
	}
	events, next, err := s.Devices.History(c.Request.Context(), scope, id, registration.Page(page))
	if err != nil {
		return err
	}
	return answerPage(c, wireEvents(events), next)
}

// deviceFilter reads what narrows a list of devices.
func (p *params) deviceFilter() registration.Filter {
	f := registration.Filter{
		Serial: p.printable("serialNumber"), ProductKey: p.productKeyID("productKey"), GroupTag: p.printable("groupTag"), Grant: models.GrantID(strings.ToLower(p.printable("grant"))),
		Upload: models.TrackingID(strings.ToLower(p.printable("upload"))),
		Since:  p.instant("since"), Until: p.instant("until"),
	}
	switch state := p.oneOf("state", string(models.RegistrationActive), string(models.RegistrationEnded), stateAll); state {
	case "":
		f.State = models.RegistrationActive
	case stateAll:
	default:
		f.State = models.RegistrationState(state)
	}
	return f
}

// deviceScope is whose devices a caller may see: a partner those it registered, a
// tenant its own, an operator those of the partner or tenant it names.
func deviceScope(c *gin.Context, p *params) (registration.Scope, error) {
	scope, err := uploadScope(c, p)
	return registration.Scope(scope), err
}

// deviceAsked is the device in the path and whose it must be; what is no id names no
// device.
func deviceAsked(c *gin.Context, p *params) (registration.Scope, models.DeviceID, error) {
	scope, err := deviceScope(c, p)
	if err != nil {
		return scope, "", err
	}
	id := strings.ToLower(c.Param("device"))
	if !models.ValidGUID(id) {
		return scope, "", registration.ErrNoDevice
	}
	return scope, models.DeviceID(id), nil
}

// historyLink is where a history goes on for the caller that began to read it.
func historyLink(id models.DeviceID, p *params, cursor string) string {
	q := url.Values{"cursor": {cursor}}
	for _, name := range []string{"tenant", "partner"} {
		if value := p.text(name); value != "" {
			q.Set(name, value)
		}
	}
	return ownDevicesPath + "/" + string(id) + "/history?" + q.Encode()
}

func wireRegistered(d registration.Device) wire.RegisteredDevice {
	return wire.RegisteredDevice{
		ID: string(d.ID), TenantID: string(d.TenantID), State: string(d.State),
		SerialNumber: d.Identity.SerialNumber, ProductKey: d.Identity.ProductKey,
		OEMManufacturerName: d.Identity.Manufacturer, ModelName: d.Identity.Model, OrderData: wire.OrderData(d.Order),
		RegisteredBy: string(d.Authority), PartnerID: string(d.PartnerID), GrantID: string(d.GrantID),
		TrackingID: string(d.TrackingID), Row: d.Ordinal,
		RegisteredAt: d.RegisteredAt.UTC(), EndedAt: utc(d.EndedAt), CapturedAt: d.CapturedAt.UTC(),
		Quality: wireQuality(d.Evidence),
	}
}

func wireEvents(events []models.DeviceEvent) []wire.DeviceEvent {
	out := make([]wire.DeviceEvent, len(events))
	for i, e := range events {
		out[i] = wire.DeviceEvent{
			At: e.At.UTC(), Kind: string(e.Kind), DeviceID: string(e.DeviceID), PartnerID: string(e.PartnerID), TenantID: string(e.TenantID),
			TrackingID: string(e.TrackingID), Row: e.Ordinal, Reason: e.Reason,
			OtherDevice: string(e.OtherDevice), CaseID: string(e.CaseID),
		}
	}
	return out
}
