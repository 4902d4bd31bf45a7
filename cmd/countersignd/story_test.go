package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"countersign/consent"
	"countersign/internal/errs"
	"countersign/models"
)

func all(code models.OutcomeCode, n int) []models.OutcomeCode {
	return slices.Repeat([]models.OutcomeCode{code}, n)
}

func TestStory_devicesAreRecognisedAndBound(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		in.grant()
		rows := in.fakes(10)
		first := in.mustSubmit("first", rows)
		in.work()
		if state, codes := in.outcomes(first); state != models.UploadFinished || !slices.Equal(codes, all("", 10)) {
			t.Errorf("first: %v %v", state, codes)
		}
		again := in.mustSubmit("again", rows)
		in.work()
		if _, codes := in.outcomes(again); !slices.Equal(codes, all(models.OutcomeAlreadyAssigned, 10)) {
			t.Errorf("again: %v, want 806 for each", codes)
		}
	})
}

func TestStory_noConsentNoUpload(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		_, err := in.submit("early", in.fakes(1))
		if !errors.Is(err, consent.ErrNoConsent) {
			t.Fatalf("err = %v", err)
		}
		known := errs.From(err)
		in.tenant = "7b1f4c1e-0000-4000-8000-000000000000" // nobody
		_, err = in.submit("unknown", in.fakes(1))
		if unknown := errs.From(err); unknown.Code != known.Code || unknown.Detail != known.Detail {
			t.Errorf("an unknown tenant answers %q, a known one %q", unknown.Detail, known.Detail)
		}
	})
}

func TestStory_revokeRefusesTheNextUploadAndEverythingQueued(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		g := in.grant()
		queued := in.mustSubmit("queued", in.fakes(3))
		done, err := in.s.consent.Revoke(t.Context(), in.owner, g.ID, "contract over")
		if err != nil || !done.Done {
			t.Fatalf("revoke: %+v %v", done, err)
		}
		if _, err := in.submit("next", in.fakes(1)); !errors.Is(err, consent.ErrNoConsent) {
			t.Errorf("the next upload: %v", err)
		}
		in.work()
		if state, codes := in.outcomes(queued); state != models.UploadFinishedWithErrors || !slices.Equal(codes, all(models.OutcomeConsentEnded, 3)) {
			t.Errorf("queued work: %v %v", state, codes)
		}
	})
}

// A worker that claimed before the revoke and calls after it is stopped by the
// core's fence, not by luck.
func TestStory_workerPausedBetweenClaimAndCall(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		g := in.grant()
		up := in.mustSubmit("paused", in.fakes(2))
		revoked := false
		in.core.before = func(models.Submission) {
			if revoked {
				return
			}
			revoked = true
			done, err := in.s.consent.Revoke(context.WithoutCancel(t.Context()), in.owner, g.ID, "now")
			if err != nil || !done.Done {
				t.Errorf("revoke while a worker is paused: %+v %v", done, err)
			}
		}
		in.work() // claims, pauses, is fenced
		in.work() // looks at the gate again, resolves, closes
		if state, codes := in.outcomes(up); state != models.UploadFinishedWithErrors || !slices.Equal(codes, all(models.OutcomeConsentEnded, 2)) {
			t.Errorf("%v %v: a device was registered after revoke answered", state, codes)
		}
	})
}

// The core registered, the answer was lost, and then consent was revoked: the
// rows are registered, and that is what is said.
func TestStory_lostAnswerIsResolvedNotGuessed(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		g := in.grant()
		up := in.mustSubmit("lost", in.fakes(2))
		in.core.after = func(models.Submission) error { return errors.New("connection reset by peer") }
		in.work()
		if _, codes := in.outcomes(up); !slices.Equal(codes, all("", 2)) {
			t.Fatalf("%v: nothing is known yet", codes)
		}
		if state, _ := in.outcomes(up); state != models.UploadProcessing {
			t.Fatalf("state %v", state)
		}
		if _, err := in.s.consent.Revoke(t.Context(), in.owner, g.ID, "over"); err != nil {
			t.Fatal(err)
		}
		in.core.after = nil
		in.untilFinished(up)
		if state, codes := in.outcomes(up); state != models.UploadFinished || !slices.Equal(codes, all("", 2)) {
			t.Errorf("%v %v: the core registered both before the revoke", state, codes)
		}
	})
}

// The request itself was lost: the core never saw it. After the revoke it must
// refuse a late copy of it.
func TestStory_lostRequestLeavesATombstone(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		g := in.grant()
		up := in.mustSubmit("lost", in.fakes(1))
		var late models.Submission
		real := in.core.Core
		in.core.before = func(s models.Submission) { late = s }
		in.core.Core = deadCore{real}
		in.work()
		in.core.Core = real
		if _, err := in.s.consent.Revoke(t.Context(), in.owner, g.ID, "over"); err != nil {
			t.Fatal(err)
		}
		in.untilFinished(up)
		if _, codes := in.outcomes(up); !slices.Equal(codes, all(models.OutcomeConsentEnded, 1)) {
			t.Fatalf("codes %v", codes)
		}
		for i := range late.Authority.Epochs {
			late.Authority.Epochs[i].Epoch += 100 // as if every fence were forgotten
		}
		res, err := real.Register(t.Context(), late)
		if err != nil || len(res.Answers) != 1 || !res.Answers[0].Absent {
			t.Errorf("a late copy of the request got %+v, %v", res, err)
		}
	})
}

// deadCore loses submissions; everything else works.
type deadCore struct{ alive coreSide }

type coreSide interface {
	Register(context.Context, models.Submission) (models.Result, error)
	Remove(context.Context, models.Submission) (models.Result, error)
	Report(context.Context, models.Submission) (models.Result, error)
	Replace(context.Context, models.Submission) (models.Result, error)
	Resolve(context.Context, models.TrackingID, []int) ([]models.Answer, error)
	Fence(context.Context, models.SubjectKind, string, int64) error
}

func (d deadCore) Register(context.Context, models.Submission) (models.Result, error) {
	return models.Result{}, errors.New("connection refused")
}

func (d deadCore) Report(context.Context, models.Submission) (models.Result, error) {
	return models.Result{}, errors.New("connection refused")
}

func (d deadCore) Replace(context.Context, models.Submission) (models.Result, error) {
	return models.Result{}, errors.New("connection refused")
}

func (d deadCore) Remove(context.Context, models.Submission) (models.Result, error) {
	return models.Result{}, errors.New("connection refused")
}

func (d deadCore) Resolve(ctx context.Context, id models.TrackingID, rows []int) ([]models.Answer, error) {
	return d.alive.Resolve(ctx, id, rows)
}

func (d deadCore) Fence(ctx context.Context, kind models.SubjectKind, id string, epoch int64) error {
	return d.alive.Fence(ctx, kind, id, epoch)
}

// A suspended partner's queued work waits and goes on under the new epoch.
func TestStory_suspendedPartnerWaits(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		in.grant()
		up := in.mustSubmit("waits", in.fakes(1))
		var p partnerView
		in.operate(&p, "partner.suspend", idInput{ID: string(in.caller.PartnerID)})
		in.work()
		if state, _ := in.outcomes(up); state != models.UploadQueued {
			t.Fatalf("state %v while the partner is suspended", state)
		}
		if err := in.s.consent.RunFencesOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		in.operate(&p, "partner.resume", idInput{ID: string(in.caller.PartnerID)})
		in.hurry()
		in.untilFinished(up)
		if _, codes := in.outcomes(up); !slices.Equal(codes, all("", 1)) {
			t.Errorf("codes %v", codes)
		}
	})
}

// hurry makes waiting dispatches due, instead of waiting.
func (in *installation) hurry() {
	in.t.Helper()
	if err := in.dbs.gateway.Write().WithContext(in.t.Context()).Exec("UPDATE dispatches SET run_at = created_at WHERE state = 'ready'").Error; err != nil {
		in.t.Fatal(err)
	}
}

// untilFinished works until the upload is closed, skipping the pauses between
// attempts.
func (in *installation) untilFinished(up models.TrackingID) {
	in.t.Helper()
	for range 10 {
		in.hurry()
		in.work()
		if state, _ := in.outcomes(up); state == models.UploadFinished || state == models.UploadFinishedWithErrors {
			return
		}
	}
	in.t.Fatal("the upload does not finish")
}

// A device of one tenant is never moved to another, and the other is not named.
func TestStory_otherTenantsDevice(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		in.grant()
		rows := in.fakes(1)
		in.mustSubmit("first", rows)
		in.work()
		var other tenantView
		in.operate(&other, "tenant.create", tenantInput{Name: "Adatum"})
		var it clientView
		in.operate(&it, "client.create", clientInput{Tenant: other.ID, Name: "it", CanDecide: true})
		in.tenant = other.ID
		in.owner.ID, in.owner.TenantID = string(it.ID), other.ID
		in.grant()
		up := in.mustSubmit("second", rows)
		in.work()
		if _, codes := in.outcomes(up); !slices.Equal(codes, all(models.OutcomeOtherTenant, 1)) {
			t.Errorf("codes %v", codes)
		}
	})
}

func TestBudget_refusedUploadCostsNothing(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		in.grant()
		ten, five := int64(10), int64(5)
		var p partnerView
		in.operate(&p, "partner.budget", budgetInput{in.caller.PartnerID, budgetsOf(&ten, &five)})
		if _, err := in.submit("too-large", in.fakes(6)); errs.KindOf(err) != errs.Invalid {
			t.Errorf("larger than the whole budget: %v", err)
		}
		in.mustSubmit("fits", in.fakes(4))
		_, err := in.submit("over", in.fakes(2))
		if e := errs.From(err); e.Kind != errs.RateLimited || e.RetryAfter < time.Second {
			t.Errorf("over the budget: %v after %v", err, e.RetryAfter)
		}
		in.mustSubmit("rest", in.fakes(1))
	})
}
