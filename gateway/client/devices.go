package client

import (
	"context"
	"iter"
	"time"

	"countersign/gateway/wire"
)

// DeviceFilter narrows a list of registered devices; empty fields do not.
type DeviceFilter struct {
	Owner
	SerialNumber string
	ProductKey   string // product key id
	GroupTag     string
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
	set(query, "state", f.State)
	setTime(query, "since", f.Since)
	setTime(query, "until", f.Until)
	return items[wire.RegisteredDevice](ctx, c, "/v1/devices", query)
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
