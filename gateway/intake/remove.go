package intake

import (
	"context"
	"strings"

	"countersign/models"
)

// Remove takes the removal of one device as an upload of its own, whose outcome its
// reader finds like any other's. It asks for the grant's removal scope, follows the same
// rule for repeated calls as Accept, and costs no device budget. A device
// that did not come through the batch is not found; whether it is still registered by
// this partner is the core's to judge: the row then reads 807.
func (s *Service) Remove(ctx context.Context, call Call, batch string, device models.DeviceID) (Accepted, error) {
	call.Append, call.BatchName = true, batch
	device = models.DeviceID(strings.ToLower(string(device)))
	noBody := func() []byte { return digestOf() }
	key := s.leaseOfCall(call)
	accepted, err := s.once(ctx, key, noBody, func(ctx context.Context) (Accepted, error) {
		if !models.ValidGUID(string(device)) {
			return Accepted{}, ErrDeviceNotFound
		}
		cl, err := s.begin(ctx, call, models.UploadRemove)
		if err != nil {
			return Accepted{}, err
		}
		// The batch's count of devices goes down with it, so it must be the batch
		// the device came through.
		if member, err := s.store.inBatch(ctx, call.scope(), cl.folded, device); err != nil || !member {
			return Accepted{}, orNotFound(err)
		}
		cl.hold(key)
		cl.digest = noBody()
		cl.rows = []checked{{ordinal: 1, device: device}}
		cl.tally.add(cl.rows[0])
		return s.close(ctx, cl)
	})
	return accepted, surface(err)
}

func orNotFound(err error) error {
	if err != nil {
		return err
	}
	return ErrDeviceNotFound
}
