package registration

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// ErrNoDevice says that the tenant has no such device, whether or not another
// tenant has it.
var ErrNoDevice = errs.New(errs.NotFound, "device_not_found", "This customer has no device with this id.")

// Device is a registration as its tenant may see it.
type Device struct {
	models.Registration
	Order      models.OrderData
	Identity   models.DeviceIdentity // without the hash
	CapturedAt time.Time             // when the core last took the identity from a hash
}

// Device returns a registration of a tenant, also one that has ended, or
// ErrNoDevice. What a partner may see of it is the gateway's to decide.
func (r *Registrar) Device(ctx context.Context, tenant models.TenantID, id models.DeviceID) (Device, error) {
	reg, identity, err := r.store.device(ctx, tenant, id)
	if db.IsNotFound(err) {
		return Device{}, ErrNoDevice
	}
	if err != nil {
		return Device{}, public(err)
	}
	order, err := readOrder(reg)
	if err != nil {
		return Device{}, public(err)
	}
	return Device{
		Registration: reg, Order: order, CapturedAt: identity.CapturedAt,
		Identity: models.DeviceIdentity{
			SerialNumber: identity.Serial, ProductKey: identity.ProductKey,
			Manufacturer: identity.Manufacturer, Model: identity.Product,
		},
	}, nil
}

// Count returns how many devices are registered to a tenant now.
func (r *Registrar) Count(ctx context.Context, tenant models.TenantID) (int64, error) {
	n, err := r.store.count(ctx, tenant)
	return n, public(err)
}

// readOrder puts group tag and stored JSON together again.
func readOrder(reg models.Registration) (models.OrderData, error) {
	order := models.OrderData{}
	if reg.OrderData != nil {
		if err := json.Unmarshal([]byte(*reg.OrderData), &order); err != nil {
			return order, fmt.Errorf("order data of registration %s: %w", reg.ID, err)
		}
	}
	order.GroupTag = reg.GroupTag
	return order, nil
}

// writeOrder gives the JSON of order data without the group tag, which is a
// column of its own; nil when nothing is left.
func writeOrder(order models.OrderData) (*string, error) {
	order.GroupTag = ""
	if order == (models.OrderData{}) {
		return nil, nil
	}
	text, err := json.Marshal(order)
	if err != nil {
		return nil, fmt.Errorf("order data: %w", err)
	}
	s := string(text)
	return &s, nil
}
