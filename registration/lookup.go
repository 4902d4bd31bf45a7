package registration

import (
	"context"
	"time"

	"countersign/models"
	"countersign/registration/hardwarehash"
	"countersign/registration/match"
)

// Owner is where a device belongs that starts for the first time.
type Owner struct {
	TenantID models.TenantID
	DeviceID models.DeviceID
	GroupTag string
}

// Lookup finds the tenant a device is registered to by the hash that the device itself
// presents. It is nil unless exactly one active registration is this device by the
// rules of matching: a device that only resembles a registered one learns nothing, and
// not that there is another. A hash that cannot be decoded is Invalid.
func (r *Registrar) Lookup(ctx context.Context, hash []byte) (*Owner, error) {
	report, err := hardwarehash.Decode(hardwarehash.Trim(hash))
	if err != nil {
		return nil, invalid("the hardware hash cannot be read")
	}
	device := identityOf(report.Identity())
	found, err := r.store.activeHolding(ctx, keysOf(&device))
	if err != nil {
		return nil, public(err)
	}
	if err := r.apartNow(ctx, found); err != nil {
		return nil, public(err)
	}
	among := make([]*known, len(found))
	for i := range found {
		among[i] = &found[i]
	}
	v := judge(&device, among)
	if v.Outcome != match.Match || !v.to.registered() {
		return nil, nil
	}
	return &Owner{TenantID: v.to.Active.TenantID, DeviceID: v.to.Active.ID, GroupTag: v.to.Active.GroupTag}, nil
}

// Fences returns the fences of those subjects that have one, each with the least epoch
// that it lets through. The epochs given do not matter.
func (r *Registrar) Fences(ctx context.Context, subjects []models.SubjectEpoch) ([]models.SubjectEpoch, error) {
	if len(subjects) > models.DispatchRows {
		return nil, invalid("at most %d subjects are looked at, not %d", models.DispatchRows, len(subjects))
	}
	fences, err := r.store.fencesNow(ctx, subjects)
	if err != nil {
		return nil, public(err)
	}
	var out []models.SubjectEpoch
	for _, s := range subjects {
		if least, fenced := fences[subject{s.Kind, s.ID}]; fenced {
			out = append(out, models.SubjectEpoch{Kind: s.Kind, ID: s.ID, Epoch: least})
		}
	}
	return out, nil
}

// Clock reads the clock by which a submission becomes late: the database's.
func (r *Registrar) Clock(ctx context.Context) (time.Time, error) {
	now, err := r.store.db.Now(ctx)
	return now, public(err)
}
