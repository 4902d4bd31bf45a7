package gateway

import (
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/gateway/wire"
	"countersign/models"
)

var errNamelessBatch = badParameter("batchId", "a file of rows does not name its batch, so the address must: ?batchId=")

// createBatch takes devices under a new batch name.
//
//	@Summary	Create a batch with devices
//	@Tags		devices
//	@Accept		json,text/csv,application/x-ndjson
//	@Param		Content-Encoding	header	string	false	"gzip or zstd"
//	@Param		tenant	path	string	true	"customer tenant id"
//	@Param		batchId	query	string	false	"name of the batch; CSV and NDJSON only"
//	@Param		expectedDomain	query	string	false	"refuse the call unless this is a verified domain of the customer"
//	@Param		Countersign-Grant	header	string	false	"the consent meant, when several let the caller act"
//	@Param		request	body	wire.DeviceBatchCreationRequest	true	"the devices"
//	@Param		purchaseOrder		query	string	false	"order data for rows that bring none of their own"
//	@Param		orderNumber			query	string	false	"as purchaseOrder"
//	@Param		orderLine			query	string	false	"as purchaseOrder"
//	@Param		deliveryNote		query	string	false	"as purchaseOrder"
//	@Param		shipDate			query	string	false	"as purchaseOrder"
//	@Param		groupTag			query	string	false	"as purchaseOrder"
//	@Param		customerReference	query	string	false	"as purchaseOrder"
//	@Success	202	"Location leads to the status"
//	@Success	200	{object}	wire.Forecast	"the answer to validate-only"
//	@Success	201	{object}	wire.File	"the answer to Tus-Resumable: Location leads to the file, to which its bytes are added by PATCH"
//	@Failure	400,401,403,409	{object}	wire.Problem
//	@Failure	429	{object}	wire.Throttled
//	@Security	oauth2[devices.write]
//	@Router		/v1/customers/{tenant}/deviceBatches [post]
func (s *server) createBatch(c *gin.Context) error {
	p := query(c)
	call, err := s.call(c, p)
	if err != nil {
		return err
	}
	if resumable(c) {
		if call.BatchName = p.text("batchId"); call.BatchName == "" {
			return errNamelessBatch
		}
		return s.createFile(c, call)
	}
	src, err := s.open(c, &call)
	if err != nil {
		return err
	}
	if _, names := src.(*format.JSON); !names {
		if call.BatchName = p.text("batchId"); call.BatchName == "" {
			return errNamelessBatch
		}
	}
	return s.accept(c, call, src)
}

// appendDevices takes devices for a batch that exists.
//
//	@Summary	Add devices to a batch
//	@Tags		devices
//	@Accept		json,text/csv,application/x-ndjson
//	@Param		Content-Encoding	header	string	false	"gzip or zstd"
//	@Param		tenant	path	string	true	"customer tenant id"
//	@Param		batch	path	string	true	"batch name"
//	@Param		expectedDomain	query	string	false	"refuse the call unless this is a verified domain of the customer"
//	@Param		Countersign-Grant	header	string	false	"the consent meant, when several let the caller act"
//	@Param		request	body	[]wire.NewDevice	true	"the devices"
//	@Param		purchaseOrder		query	string	false	"order data for rows that bring none of their own"
//	@Param		orderNumber			query	string	false	"as purchaseOrder"
//	@Param		orderLine			query	string	false	"as purchaseOrder"
//	@Param		deliveryNote		query	string	false	"as purchaseOrder"
//	@Param		shipDate			query	string	false	"as purchaseOrder"
//	@Param		groupTag			query	string	false	"as purchaseOrder"
//	@Param		customerReference	query	string	false	"as purchaseOrder"
//	@Success	202	"Location leads to the status"
//	@Success	200	{object}	wire.Forecast	"the answer to validate-only"
//	@Success	201	{object}	wire.File	"the answer to Tus-Resumable: Location leads to the file, to which its bytes are added by PATCH"
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Failure	429	{object}	wire.Throttled
//	@Security	oauth2[devices.write]
//	@Router		/v1/customers/{tenant}/deviceBatches/{batch}/devices [post]
func (s *server) appendDevices(c *gin.Context) error {
	call, err := s.call(c, query(c))
	if err != nil {
		return err
	}
	call.Append, call.BatchName = true, c.Param("batch")
	if resumable(c) {
		return s.createFile(c, call)
	}
	src, err := s.open(c, &call)
	if err != nil {
		return err
	}
	return s.accept(c, call, src)
}

// removeDevice takes the removal of one device. Partner Center answers 204; the outcome
// is the core's and is found under Location, like an upload's.
//
//	@Summary	Remove a device
//	@Tags		devices
//	@Param		tenant	path	string	true	"customer tenant id"
//	@Param		batch	path	string	true	"batch name"
//	@Param		device	path	string	true	"device id"
//	@Success	204	"Location leads to the status"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.write]
//	@Router		/v1/customers/{tenant}/deviceBatches/{batch}/devices/{device} [delete]
func (s *server) removeDevice(c *gin.Context) error {
	call, err := s.call(c, query(c))
	if err != nil {
		return err
	}
	accepted, err := s.Intake.Remove(c.Request.Context(), call, c.Param("batch"), models.DeviceID(c.Param("device")))
	if err != nil {
		return err
	}
	return done(c, http.StatusNoContent, accepted)
}

// listBatches lists the partner's batches of a customer. It is not paged: Partner
// Center's clients look through the whole list for a name before they create a batch.
//
//	@Summary	List batches
//	@Tags		devices
//	@Param		tenant	path	string	true	"customer tenant id"
//	@Success	200	{object}	wire.Collection[wire.DeviceBatch]
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/customers/{tenant}/deviceBatches [get]
func (s *server) listBatches(c *gin.Context) error {
	tenant, err := tenantOf(c)
	if err != nil {
		return err
	}
	return streamCollection(c, func(item func(any) error) error {
		for batch, err := range s.Batches.Batches(c.Request.Context(), ownScope(c, tenant)) {
			if err != nil {
				return err
			}
			if err := item(wireBatch(tenant, batch)); err != nil {
				return err
			}
		}
		return nil
	})
}

// ownScope is what the calling partner may see of a tenant: its own records.
func ownScope(c *gin.Context, tenant models.TenantID) intake.Scope {
	return intake.Scope{Partner: caller(c).PartnerID, Tenant: tenant}
}

func wireBatch(tenant models.TenantID, b models.Batch) wire.DeviceBatch {
	return wire.DeviceBatch{
		ID: b.Name, CreatedBy: string(b.PartnerID), CreationDate: wire.TimeOf(&b.CreatedAt), DevicesCount: b.DevicesCount,
		DevicesLink: wire.Link{URI: batchURI(tenant, b.Name) + "/devices", Method: http.MethodGet, Headers: []wire.LinkHeader{}},
		Attributes:  wire.AttributesOf("DeviceBatch"),
	}
}

func batchURI(tenant models.TenantID, name string) string {
	return "/customers/" + string(tenant) + "/deviceBatches/" + url.PathEscape(name)
}

// listDevices lists the devices registered through a batch.
//
//	@Summary	List the devices of a batch
//	@Tags		devices
//	@Param		tenant				path	string	true	"customer tenant id"
//	@Param		batch				path	string	true	"batch name"
//	@Param		size				query	int		false	"devices a page, 100 unless told, 1000 at most"
//	@Param		continuationToken	query	string	false	"or as header MS-ContinuationToken"
//	@Success	200	{object}	wire.Collection[wire.Device]
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/customers/{tenant}/deviceBatches/{batch}/devices [get]
func (s *server) listDevices(c *gin.Context) error {
	tenant, err := tenantOf(c)
	if err != nil {
		return err
	}
	p := query(c)
	page := p.partnerPage(c)
	if p.err != nil {
		return p.err
	}
	devices, next, err := s.Batches.BatchDevices(c.Request.Context(), ownScope(c, tenant), c.Param("batch"), page)
	if err != nil {
		return err
	}
	items := make([]wire.Device, len(devices))
	for i, d := range devices {
		items[i] = wireDevice(d)
	}
	return answer(c, http.StatusOK, wire.NewCollection(items, batchURI(tenant, c.Param("batch"))+"/devices", next))
}

func wireDevice(d intake.Device) wire.Device {
	return wire.Device{
		ID: string(d.ID), SerialNumber: orNull(d.Identity.SerialNumber), ProductKey: orNull(d.Identity.ProductKey),
		ModelName: orNull(d.Identity.Model), OEMManufacturerName: orNull(d.Identity.Manufacturer),
		Policies: []wire.Policy{}, UploadedDate: wire.TimeOf(&d.RegisteredAt),
		AllowedOperations: []string{http.MethodDelete}, Attributes: wire.AttributesOf("Device"),
	}
}

// orNull is how Partner Center writes a text that was not stated.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// streamCollection writes a collection whose length is not known before its end.
func streamCollection(c *gin.Context, each func(item func(any) error) error) error {
	out := newStream(c)
	count := 0
	out.tokens(jsontext.BeginObject, jsontext.String("items"), jsontext.BeginArray)
	err := each(func(v any) error {
		count++
		return json.MarshalEncode(out.enc, v)
	})
	if err != nil {
		return err
	}
	out.tokens(jsontext.EndArray, jsontext.String("totalCount"), jsontext.Int(int64(count)), jsontext.String("attributes"))
	out.value(wire.AttributesOf("Collection"))
	return out.end()
}
