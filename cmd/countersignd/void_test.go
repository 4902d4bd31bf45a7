package main

import (
	"iter"
	"slices"
	"testing"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/models"
	"countersign/registration"
)

// leaving lists what the core says an upload registered and still has.
func (in *installation) leaving(of models.TrackingID) (int, iter.Seq2[intake.Leaving, error]) {
	in.t.Helper()
	found, _, err := in.s.far.Devices(in.t.Context(), registration.Scope{Partner: in.caller.PartnerID, Tenant: in.tenant},
		registration.Filter{Upload: of, State: models.RegistrationActive}, registration.Page{Limit: 1000})
	if err != nil {
		in.t.Fatal(err)
	}
	return len(found), func(yield func(intake.Leaving, error) bool) {
		for _, d := range found {
			if !yield(intake.Leaving{ID: d.ID, Identity: d.Identity}, nil) {
				return
			}
		}
	}
}

// A void ends what the upload itself registered and that is still so: not what was there
// before, not what was registered anew since.
func TestVoid_undoesTheUploadAndNothingElse(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		in.grantWith(consent.GrantScopeDevicesRegister, consent.GrantScopeDevicesRemove)
		rows := in.fakes(6)
		in.mustSubmit("before", rows[:2])
		in.work()
		mistake := in.mustSubmit("mistake", rows)
		in.work()
		call := intake.Call{Caller: in.caller, Tenant: in.tenant, Method: "POST", Path: "/void"}
		up, _, err := in.s.reader.BatchJobStatus(t.Context(), intake.Scope{Partner: in.caller.PartnerID}, mistake)
		if err != nil {
			t.Fatal(err)
		}
		// One of its devices is removed and registered anew before the void.
		_, devices := in.leaving(mistake)
		for d := range devices {
			if _, err := in.s.uploads.RemoveDevice(t.Context(), call, intake.Registered{ID: d.ID, Upload: mistake}); err != nil {
				t.Fatal(err)
			}
			break
		}
		in.work()
		again := in.mustSubmit("again", rows)
		in.work()
		n, devices := in.leaving(mistake)
		if n != 3 {
			t.Fatalf("%d devices are as the upload left them, want 3", n)
		}
		done, err := in.s.uploads.Void(t.Context(), call, up, devices, n)
		if err != nil {
			t.Fatal(err)
		}
		in.work()
		if state, codes := in.outcomes(done.TrackingID); state != models.UploadFinished || !slices.Equal(codes, all("", 3)) {
			t.Errorf("the void: %s %v", state, codes)
		}
		for of, want := range map[models.TrackingID]int{mistake: 0, again: 1} {
			if left, _ := in.leaving(of); left != want {
				t.Errorf("upload %s has %d devices, want %d", of, left, want)
			}
		}
		if found, _, err := in.s.far.Devices(t.Context(), registration.Scope{Tenant: in.tenant}, registration.Filter{State: models.RegistrationActive}, registration.Page{}); err != nil || len(found) != 3 {
			t.Errorf("the customer has %d devices, want the two from before and the one from after; %v", len(found), err)
		}
	})
}
