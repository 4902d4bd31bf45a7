package client

import (
	"context"
	"iter"
	"net/http"

	"countersign/gateway/wire"
)

// BatchJobStatus reads an upload as Partner Center shows it. Above 100,000 rows the
// answer names RowsLink in place of the rows; see UploadRows.
func (c *Client) BatchJobStatus(ctx context.Context, tenant, tracking string) (wire.BatchUploadDetails, error) {
	var details wire.BatchUploadDetails
	err := c.getJSON(ctx, call{path: join("v1", "customers", tenant, "batchJobStatus", tracking)}, &details)
	return details, err
}

// Batches lists the batches the caller made for a tenant.
func (c *Client) Batches(ctx context.Context, tenant string) iter.Seq2[wire.DeviceBatch, error] {
	return resources[wire.DeviceBatch](ctx, c, join("v1", "customers", tenant, "deviceBatches"), nil)
}

// BatchDevices lists the registered devices of a batch.
func (c *Client) BatchDevices(ctx context.Context, tenant, batch string) iter.Seq2[wire.Device, error] {
	return resources[wire.Device](ctx, c, join("v1", "customers", tenant, "deviceBatches", batch, "devices"), fullPages())
}

// RemoveDevice asks for the end of a device's registration. What the core says
// about it is the outcome of the upload the receipt names. requestID makes a repeat
// safe; empty makes one for this call.
func (c *Client) RemoveDevice(ctx context.Context, tenant, batch, device, requestID string) (Receipt, error) {
	resp, err := c.do(ctx, call{
		method: http.MethodDelete, path: join("v1", "customers", tenant, "deviceBatches", batch, "devices", device),
		requestID: requestID, repeatable: true,
	})
	if err != nil {
		return Receipt{}, err
	}
	defer finish(resp.Response)
	return receipt(resp.Header)
}

// Customers lists the tenants that have agreed to the caller's registrations.
func (c *Client) Customers(ctx context.Context) iter.Seq2[wire.Customer, error] {
	return resources[wire.Customer](ctx, c, "/v1/customers", fullPages())
}

// Customer reads one tenant that has agreed.
func (c *Client) Customer(ctx context.Context, tenant string) (wire.Customer, error) {
	var customer wire.Customer
	err := c.getJSON(ctx, call{path: join("v1", "customers", tenant)}, &customer)
	return customer, err
}
