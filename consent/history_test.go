package consent

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"countersign/models"
)

// wantHistory compares the changes of one request or grant, and looks at what
// every entry must hold.
func (w *world) wantHistory(t *testing.T, id string, changes ...string) {
	t.Helper()
	events, err := w.rows(t.Context()).events(id)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range events {
		got = append(got, e.FromState+"→"+e.ToState)
	}
	if !slices.Equal(got, changes) {
		t.Fatalf("history %v, want %v", got, changes)
	}
}

func TestHistoryTellsWhoWhyAndWhen(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		w.clock.add(time.Hour)
		if _, err := w.Suspend(t.Context(), w.byCust, grant.ID, "holiday"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Revoke(t.Context(), w.byOps, grant.ID, "abuse"); err != nil {
			t.Fatal(err)
		}
		events, err := w.rows(t.Context()).events(string(*grant.RequestID), string(grant.ID))
		if err != nil {
			t.Fatal(err)
		}
		later := start.Add(time.Hour)
		want := []struct {
			by       Actor
			from, to string
			epoch    int64
			reason   string
			at       time.Time
			subject  models.ConsentSubject
		}{
			{w.byFirm, "", "pending", 0, "", start, models.SubjectRequest},
			{w.byCust, "pending", "granted", 0, "", start, models.SubjectRequest},
			{w.byCust, "", "active", 1, "", start, models.SubjectGrant},
			{w.byCust, "active", "suspended", 2, "holiday", later, models.SubjectGrant},
			{w.byOps, "suspended", "revoking", 3, "abuse", later, models.SubjectGrant},
			{system, "revoking", "revoked", 3, "the core acknowledged the stop", later, models.SubjectGrant},
		}
		if len(events) != len(want) {
			t.Fatalf("history %+v", events)
		}
		for i, e := range events {
			x, id := want[i], string(grant.ID)
			if x.subject == models.SubjectRequest {
				id = string(*grant.RequestID)
			}
			wanted := models.ConsentEvent{
				ID: e.ID, Subject: x.subject, SubjectID: id, PartnerID: w.ask.Partner, TenantID: &w.ask.Tenant,
				FromState: x.from, ToState: x.to, Epoch: x.epoch, Actor: x.by.Kind, ActorID: x.by.ID,
				Reason: x.reason, HTTPRequest: x.by.HTTPRequest, At: x.at,
			}
			if !reflect.DeepEqual(e, wanted) {
				t.Errorf("entry %d is %+v\nwant %+v", i, e, wanted)
			}
		}
	})
}

// Whatever happens, the history of each request and grant is one unbroken chain
// from its creation to its present state, and the epoch only rises.
func TestHistoryIsCompleteAfterARandomLife(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 1))
		l := &life{w: w, grants: []models.GrantID{w.granted(t, 0).ID}, requests: []models.RequestID{w.request(t).ID}}
		for range 150 {
			w.clock.add(time.Duration(random.IntN(48)) * time.Hour)
			l.step(t, random)
		}
		w.core.set(nil)
		w.clock.add(time.Hour)
		w.sweepOnce(t)
		for _, id := range l.requests {
			stored, err := w.rows(t.Context()).request(id, scope{})
			if err != nil {
				t.Fatal(err)
			}
			w.wantChain(t, string(id), string(stored.State), 0)
		}
		for _, id := range l.grants {
			stored := w.readGrant(t, id)
			w.wantChain(t, string(id), string(stored.State), stored.Epoch)
			if ends(stored.State) && w.core.fence(models.SubjectOfGrant, string(id)) != stored.Epoch {
				t.Errorf("grant %s ended at epoch %d, which the core does not fence", id, stored.Epoch)
			}
		}
	})
}

// life is what one random run has made.
type life struct {
	w        *world
	requests []models.RequestID
	grants   []models.GrantID
}

// step does one thing at random. Refusals are welcome: they must leave no trace.
func (l *life) step(t *testing.T, random *rand.Rand) {
	t.Helper()
	w, ctx := l.w, t.Context()
	request, grant := l.requests[random.IntN(len(l.requests))], l.grants[random.IntN(len(l.grants))]
	switch random.IntN(8) {
	case 0:
		l.requests = append(l.requests, w.request(t).ID)
	case 1:
		if got, err := w.Grant(ctx, w.byCust, request, Terms{}); err == nil {
			l.grants = append(l.grants, got.ID)
		}
	case 2:
		_, _ = w.Decline(ctx, w.byCust, request, "")
	case 3:
		_, _ = w.Withdraw(ctx, w.byFirm, request, "")
	case 4:
		_, _ = w.Suspend(ctx, w.byCust, grant, "")
	case 5:
		_, _ = w.Resume(ctx, w.byCust, grant, "")
	case 6:
		w.core.set([]func(context.Context) error{nil, down}[random.IntN(2)])
		_, _ = w.Revoke(ctx, w.byCust, grant, "")
	case 7:
		_ = w.RunFencesOnce(ctx)
	}
}

// wantChain checks that each entry begins where the one before ended.
func (w *world) wantChain(t *testing.T, id, state string, epoch int64) {
	t.Helper()
	events, err := w.rows(t.Context()).events(id)
	if err != nil || len(events) == 0 {
		t.Fatalf("history of %s: %v, %v", id, events, err)
	}
	var last models.ConsentEvent
	for i, e := range events {
		if e.FromState != last.ToState || e.Epoch < last.Epoch || e.At.Before(last.At) || e.FromState == e.ToState {
			t.Errorf("entry %d of %s does not follow: %+v after %+v", i, id, e, last)
		}
		last = e
	}
	if last.ToState != state || last.Epoch != epoch {
		t.Errorf("%s is %s at epoch %d, its history ends with %+v", id, state, epoch, last)
	}
}

func TestHistoryIsAppendOnly(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		before, err := w.rows(t.Context()).events(string(grant.ID))
		if err != nil || len(before) != 1 {
			t.Fatalf("history %v, %v", before, err)
		}
		for _, sql := range []string{
			"UPDATE consent_events SET reason = 'forged'", "DELETE FROM consent_events",
			"DELETE FROM consent_events WHERE subject_id = '" + string(grant.ID) + "'",
		} {
			if err := w.d.Write().WithContext(t.Context()).Exec(sql).Error; err == nil {
				t.Errorf("the database accepted: %s", sql)
			}
		}
		after, err := w.rows(t.Context()).events(string(grant.ID))
		if err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("history %+v, %v\nwas %+v", after, err, before)
		}
	})
}

// A change whose history entry cannot be written does not happen.
func TestNoChangeWithoutItsHistory(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		w.exec(t, "ALTER TABLE consent_events RENAME TO mislaid")
		if _, err := w.Suspend(t.Context(), w.byCust, grant.ID, ""); err == nil {
			t.Error("suspended without history")
		}
		if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err == nil {
			t.Error("revoked without history")
		}
		if got := w.readGrant(t, grant.ID); got.State != models.GrantActive || got.Epoch != 1 || w.core.called() != 0 {
			t.Errorf("grant %+v", got)
		}
	})
}
