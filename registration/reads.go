package registration

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration/hardwarehash"
)

var (
	// ErrNoDevice says that the reader has no such device, whether or not somebody
	// else has it.
	ErrNoDevice = errs.New(errs.NotFound, "device_not_found", "There is no device with this id among those you may see.")
	// ErrCursor says that a cursor was not given out for this list.
	ErrCursor = errs.New(errs.Invalid, "invalid_cursor", "The cursor was not given out for this list with these filters. Start it again without a cursor.")
)

// Scope says whose registrations a reader may see: those that a partner made, those
// of a tenant, or, with both, those that the partner made for the tenant. An empty
// one sees nothing.
type Scope struct {
	Partner models.PartnerID
	Tenant  models.TenantID
}

// condition says in SQL that a row of the table belongs to the scope. Registrations
// and history name partner and tenant alike.
func (s Scope) condition(table string) (sql string, args []any) {
	var parts []string
	if s.Partner != "" {
		parts, args = append(parts, table+".partner_id = ?"), append(args, s.Partner)
	}
	if s.Tenant != "" {
		parts, args = append(parts, table+".tenant_id = ?"), append(args, s.Tenant)
	}
	if len(parts) == 0 {
		return "1 = 0", nil
	}
	return strings.Join(parts, " AND "), args
}

// Filter narrows a list of devices. Empty fields do not narrow.
type Filter struct {
	Serial     string // cleaned as a hash is; letter case does not count
	ProductKey string // product key id (PKID)
	GroupTag   string // exactly
	Grant      models.GrantID
	Upload     models.TrackingID // registered by this upload
	State      models.RegistrationState
	Since      time.Time // registered at or after
	Until      time.Time // registered before
}

// clean brings the filter into the form in which values are stored. It is not ok
// when no device can have such a value.
func (f Filter) clean() (_ Filter, ok bool) {
	serial := hardwarehash.CleanText(plain(f.Serial))
	key := strings.TrimSpace(f.ProductKey)
	_, isKey := productKeyKey(key)
	ok = (f.Serial == "" || serial != "") && (f.ProductKey == "" || isKey)
	f.Serial, f.ProductKey, f.GroupTag = serial, key, plain(f.GroupTag)
	return f, ok
}

// Page asks for a part of a list.
type Page struct {
	Cursor string // from the page before; empty for the first
	Limit  int    // 0 means 100; at most 1000 are given
}

// Device is a registration as those it belongs to may see it.
type Device struct {
	models.Registration
	Order      models.OrderData
	Identity   models.DeviceIdentity // without the hash; of an ended registration as it was at its end
	CapturedAt time.Time             // when the core last took the identity from a hash
	Evidence   *Quality              // of the hash it was registered by; nil when there was none
}

// Devices returns a page of the registrations within a scope, newest first, and the
// cursor of the next page, empty at the end. A device that is registered while the
// list is read comes before what was given out already; nothing is given out twice.
func (r *Registrar) Devices(ctx context.Context, scope Scope, filter Filter, page Page) ([]Device, string, error) {
	filter, possible := filter.clean()
	list := filter.list(scope)
	before, err := list.place(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	if before != "" && !models.ValidGUID(before) {
		return nil, "", ErrCursor
	}
	if !possible || scope == (Scope{}) {
		return nil, "", nil
	}
	found, err := r.store.devices(ctx, scope, filter, models.DeviceID(before), page.limit()+1)
	if err != nil {
		return nil, "", public(err)
	}
	found, more := cutPage(found, page.limit())
	devices := make([]Device, len(found))
	for i, one := range found {
		if devices[i], err = shown(one); err != nil {
			return nil, "", public(err)
		}
	}
	if !more {
		return devices, "", nil
	}
	return devices, list.cursor(string(found[len(found)-1].ID)), nil
}

// Device returns a registration within a scope, also one that has ended, or
// ErrNoDevice.
func (r *Registrar) Device(ctx context.Context, scope Scope, id models.DeviceID) (Device, error) {
	found, err := r.registered(ctx, scope, id)
	if err != nil {
		return Device{}, err
	}
	device, err := shown(found)
	return device, public(err)
}

// History returns a page of what happened to a device, oldest first, and the cursor
// of the next page, empty at the end. It covers the device through all its
// registrations, but shows only entries of the scope's own calls: of the partner, of
// calls for the tenant, or both. It is ErrNoDevice where Device is.
func (r *Registrar) History(ctx context.Context, scope Scope, id models.DeviceID, page Page) ([]models.DeviceEvent, string, error) {
	list := listOf("history", string(scope.Partner), string(scope.Tenant), string(id))
	place, err := list.place(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	var after int64
	if place != "" {
		if after, err = strconv.ParseInt(place, 10, 64); err != nil {
			return nil, "", ErrCursor
		}
	}
	device, err := r.registered(ctx, scope, id)
	if err != nil {
		return nil, "", err
	}
	events, err := r.store.history(ctx, scope, device.IdentityID, after, page.limit()+1)
	if err != nil {
		return nil, "", public(err)
	}
	events, more := cutPage(events, page.limit())
	if !more {
		return events, "", nil
	}
	return events, list.cursor(strconv.FormatInt(events[len(events)-1].ID, 10)), nil
}

// registered reads one registration within a scope.
func (r *Registrar) registered(ctx context.Context, scope Scope, id models.DeviceID) (registered, error) {
	found, err := r.store.device(ctx, scope, models.DeviceID(plain(string(id))))
	if db.IsNotFound(err) {
		return registered{}, ErrNoDevice
	}
	return found, public(err)
}

// shown makes of a stored registration what its owner may see.
func shown(found registered) (Device, error) {
	order, err := readOrder(found.Registration)
	if err != nil {
		return Device{}, err
	}
	known := found.Now
	if found.State == models.RegistrationEnded {
		known = found.Last
	}
	device := Device{
		Registration: found.Registration, Order: order,
		Identity: models.DeviceIdentity{
			SerialNumber: known.Serial, ProductKey: known.ProductKey, Manufacturer: known.Manufacturer, Model: known.Product,
		},
		Evidence: readQuality(&found.Registration),
	}
	if known.CapturedAt != nil {
		device.CapturedAt = *known.CapturedAt
	}
	return device, nil
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
