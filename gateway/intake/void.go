package intake

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"countersign/models"
)

// Leaving is a device whose registration is to end.
type Leaving struct {
	ID       models.DeviceID
	Identity models.DeviceIdentity // for whoever reads the rows; without hash
}

// Void takes back an upload: devices are those that it registered and that still are, and
// their removal is an upload of its own with a row for each. A device that was replaced, or
// removed and registered anew, has another id since, so that nothing but what the upload
// itself did is undone. The caller repeats the number it was shown; another one is
// ErrVoidCount with nothing done. It follows the rules of RemoveDevice.
func (s *Service) Void(ctx context.Context, call Call, of UploadStatus, devices iter.Seq2[Leaving, error], expected int) (Accepted, error) {
	if err := voidable(of); err != nil {
		return Accepted{}, err
	}
	key, digest := s.leaseOfCall(call), digestOf("void", string(of.TrackingID), strconv.Itoa(expected))
	accepted, err := s.once(ctx, key, func() []byte { return digest }, func(ctx context.Context) (Accepted, error) {
		cl, err := s.begin(ctx, call, models.UploadRemove)
		if err != nil {
			return Accepted{}, err
		}
		cl.hold(key)
		cl.noBatch, cl.batchID, cl.digest = true, of.BatchID, digest
		cl.upload.Voids = of.TrackingID
		col := s.collector(cl)
		accepted, err := s.removeAll(ctx, cl, col, devices, expected)
		if err != nil && !errors.Is(err, ErrOutcomeUnknown) {
			s.discard(ctx, col)
		}
		return accepted, err
	})
	return accepted, surface(err)
}

func voidable(of UploadStatus) error {
	switch {
	case of.Kind != models.UploadRegister:
		return ErrNotVoidable.WithDetail("Upload %s is of kind %s; only uploads that register devices can be voided. Nothing was done.", of.TrackingID, of.Kind)
	case of.OpenRows > 0:
		return ErrUploadOpen.WithDetail("%d of %d rows of upload %s have no outcome yet. Void it when it is finished. Nothing was done.", of.OpenRows, of.RowCount, of.TrackingID)
	}
	return nil
}

// removeAll collects a row for each device and closes the upload.
func (s *Service) removeAll(ctx context.Context, cl *closing, col *collector, devices iter.Seq2[Leaving, error], expected int) (Accepted, error) {
	found := 0
	for d, err := range devices {
		if err != nil {
			return Accepted{}, err
		}
		if found++; found > expected {
			continue // counted, to say how many there are
		}
		d.Identity.Hash = nil
		if err := col.put(ctx, checked{ordinal: found, device: d.ID, identity: d.Identity}); err != nil {
			return Accepted{}, err
		}
	}
	if found != expected || found == 0 {
		return Accepted{}, ErrVoidCount.WithDetail("The upload has %d devices that are registered as it left them, not %d. Nothing was done. Look again, and repeat the number.", found, expected)
	}
	if err := col.finish(ctx); err != nil {
		return Accepted{}, err
	}
	cl.upload, cl.rows, cl.tally = col.upload, col.held, col.tally
	return s.close(ctx, cl)
}
