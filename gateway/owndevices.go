package gateway

import (
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/gateway/wire"
	"countersign/models"
)

// registerOwn takes devices that a customer registers for itself, by hardware hash. No
// partner and no consent is involved.
//
//	@Summary	Register devices of one's own
//	@Tags		devices
//	@Accept		json,text/csv,application/x-ndjson
//	@Param		Content-Encoding	header	string	false	"gzip or zstd"
//	@Param		groupTag		query	string	false	"order data for devices that state none; likewise purchaseOrder, orderNumber, orderLine, deliveryNote, shipDate, customerReference"
//	@Param		request	body	[]wire.NewDevice	true	"the devices, each with its hardware hash"
//	@Success	202	"Location leads to the upload"
//	@Success	200	{object}	wire.Forecast	"the answer to validate-only"
//	@Success	201	{object}	wire.File	"the answer to Tus-Resumable: Location leads to the file, to which its bytes are added by PATCH"
//	@Failure	400,401,403,409	{object}	wire.Problem
//	@Failure	429	{object}	wire.Throttled
//	@Security	oauth2[devices.write]
//	@Router		/v1/devices [post]
func (s *server) registerOwn(c *gin.Context) error {
	call, err := s.callOf(c, query(c), c.Request.URL.Path)
	if err != nil {
		return err
	}
	call.Tenant = caller(c).TenantID
	if resumable(c) {
		return s.createFile(c, call)
	}
	src, err := s.openOwn(c, &call)
	if err != nil {
		return err
	}
	return s.accept(c, call, src)
}

// openOwn is open for devices that belong to no batch.
func (s *server) openOwn(c *gin.Context, call *intake.Call) (deviceSource, error) {
	return s.openAs(c, call, func(body io.Reader) deviceSource { return format.NewDeviceList(body, s.Limits.Body) })
}

// removeOwn takes the removal of a device: a customer's of any of its own, a partner's of
// one it registered.
//
//	@Summary	Remove a device
//	@Tags		devices
//	@Param		device	path	string	true	"device id"
//	@Success	202	"Location leads to the outcome"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.write]
//	@Router		/v1/devices/{device} [delete]
func (s *server) removeOwn(c *gin.Context) error {
	call, device, err := s.deviceCall(c)
	if err != nil {
		return err
	}
	accepted, err := s.Intake.RemoveDevice(c.Request.Context(), call, device)
	if err != nil {
		return err
	}
	return done(c, http.StatusAccepted, accepted)
}

// replaceDevice takes a repair: the hash is what the registered device is now. Its old
// registration ends, and the new one stands in the same place.
//
//	@Summary	Say what a repaired device is now
//	@Tags		devices
//	@Accept		json
//	@Param		device	path	string	true	"device id"
//	@Param		request	body	wire.Replacement	true	"the hash captured after the repair"
//	@Success	202	"Location leads to the outcome"
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[devices.write]
//	@Router		/v1/devices/{device}/replace [post]
func (s *server) replaceDevice(c *gin.Context) error {
	call, device, err := s.deviceCall(c)
	if err != nil {
		return err
	}
	var body wire.Replacement
	if err := decode(c, &body); err != nil {
		return err
	}
	row := intake.Row{HardwareHash: body.HardwareHash, Order: models.OrderData(body.OrderData)}
	accepted, err := s.Intake.Replace(c.Request.Context(), call, device, row)
	if err != nil {
		return err
	}
	return done(c, http.StatusAccepted, accepted)
}

// deviceCall is a call about one registration that the caller may see; whose it is tells
// for which customer.
func (s *server) deviceCall(c *gin.Context) (intake.Call, intake.Registered, error) {
	p := query(c)
	p.only()
	scope, id, err := deviceAsked(c, p)
	if err != nil {
		return intake.Call{}, intake.Registered{}, err
	}
	call, err := s.callOf(c, p, strings.Replace(c.Request.URL.Path, c.Param("device"), string(id), 1))
	if err != nil {
		return intake.Call{}, intake.Registered{}, err
	}
	device, err := s.Devices.Device(c.Request.Context(), scope, id)
	if err != nil {
		return intake.Call{}, intake.Registered{}, err
	}
	call.Tenant = device.TenantID
	return call, intake.Registered{ID: id, Upload: device.TrackingID}, nil
}
