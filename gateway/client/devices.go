package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"countersign/gateway/wire"
)

// DeviceFilter narrows a list of registered devices; empty fields do not.
type DeviceFilter struct {
	Owner
	SerialNumber string
	ProductKey   string // product key id
	GroupTag     string
	Grant        string    // registered under this grant
	Upload       string    // registered by this upload
	State        string    // active or ended
	Since        time.Time // registered at or after
	Until        time.Time // registered before
}

// Devices lists registered devices.
func (c *Client) Devices(ctx context.Context, f DeviceFilter) iter.Seq2[wire.RegisteredDevice, error] {
	query := f.query()
	set(query, "serialNumber", f.SerialNumber)
	set(query, "productKey", f.ProductKey)
	set(query, "groupTag", f.GroupTag)
	set(query, "grant", f.Grant)
	set(query, "upload", f.Upload)
	set(query, "state", f.State)
	setTime(query, "since", f.Since)
	setTime(query, "until", f.Until)
	return items[wire.RegisteredDevice](ctx, c, ownDevices, query)
}

// Device reads one registered device with the first entries of its history.
func (c *Client) Device(ctx context.Context, id string) (wire.RegisteredDevice, error) {
	var device wire.RegisteredDevice
	err := c.getJSON(ctx, call{path: join("v1", "devices", id)}, &device)
	return device, err
}

// DeviceHistory lists what happened to a device, the oldest first.
func (c *Client) DeviceHistory(ctx context.Context, id string) iter.Seq2[wire.DeviceEvent, error] {
	return items[wire.DeviceEvent](ctx, c, join("v1", "devices", id, "history"), nil)
}

// ownDevices is where devices are found, and where a tenant registers its own.
const ownDevices = "/v1/devices"

// EndDevice asks for the end of a registration: a tenant for any of its own, a partner for
// one it made. What became of it is the outcome of the upload the receipt names. requestID
// makes a repeat safe; empty makes one for this call.
func (c *Client) EndDevice(ctx context.Context, id, requestID string) (Receipt, error) {
	resp, err := c.do(ctx, call{method: http.MethodDelete, path: join("v1", "devices", id), requestID: requestID, repeatable: true})
	if err != nil {
		return Receipt{}, err
	}
	defer finish(resp.Response)
	return receipt(resp.Header)
}

// ReplaceDevice says what a repaired device is now. The outcome's device id is that of the
// registration that takes the old one's place.
func (c *Client) ReplaceDevice(ctx context.Context, id string, by wire.Replacement, requestID string) (Receipt, error) {
	resp, err := c.postJSON(ctx, call{path: join("v1", "devices", id, "replace"), requestID: requestID, repeatable: true}, by)
	if err != nil {
		return Receipt{}, err
	}
	defer finish(resp.Response)
	return receipt(resp.Header)
}
