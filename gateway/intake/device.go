package intake

import (
	"context"

	"countersign/models"
)

// Registered names a registration that a caller may see.
type Registered struct {
	ID     models.DeviceID
	Upload models.TrackingID // that registered it
}

// RemoveDevice takes the removal of a registration as an upload of its own: a tenant's of
// any of its devices, a partner's of one it registered. It follows the rules of Remove;
// what became of it is the core's to say.
func (s *Service) RemoveDevice(ctx context.Context, call Call, device Registered) (Accepted, error) {
	return s.oneRow(ctx, call, models.UploadRemove, device, digestOf(), func(*rules) checked {
		return checked{ordinal: 1, device: device.ID}
	})
}

// Replace takes a repair: the row's hash is what the registered device is now. The old
// registration ends, and the new one keeps its order data where the row states none. It
// costs no device budget and nothing of a grant's limit: one device goes, one comes.
func (s *Service) Replace(ctx context.Context, call Call, device Registered, row Row) (Accepted, error) {
	digest := []string{row.HardwareHash}
	for _, f := range orderFields(&row.Order) {
		digest = append(digest, *f.value)
	}
	return s.oneRow(ctx, call, models.UploadReplace, device, digestOf(digest...), func(r *rules) checked {
		r.repair = true
		out := r.check(1, row)
		out.replaces = device.ID
		return out
	})
}

// oneRow accepts an upload about one registration. It belongs to the batch the device
// came through, whose list of devices changes with it.
func (s *Service) oneRow(ctx context.Context, call Call, kind models.UploadKind, device Registered, digest []byte, row func(*rules) checked) (Accepted, error) {
	key := s.leaseOfCall(call)
	body := func() []byte { return digest }
	accepted, err := s.once(ctx, key, body, func(ctx context.Context) (Accepted, error) {
		cl, err := s.begin(ctx, call, kind)
		if err != nil {
			return Accepted{}, err
		}
		cl.hold(key)
		cl.noBatch, cl.digest = true, digest
		if cl.batchID, err = s.store.batchOf(ctx, call.Tenant, device.Upload); err != nil {
			return Accepted{}, err
		}
		rules := cl.call.rules()
		cl.rows = []checked{row(&rules)}
		cl.tally.add(cl.rows[0])
		return s.close(ctx, cl)
	})
	return accepted, surface(err)
}
