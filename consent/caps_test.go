package consent

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/internal/errs"
	"countersign/models"
)

// capped is a world with the caps of a fresh server.
func capped(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	both(t, func(t *testing.T, w *world) {
		w.caps = Caps{}.withDefaults()
		fn(t, w)
	})
}

// waitOf is how long a refusal asks to wait; it fails the test on any other answer.
func waitOf(t *testing.T, err error, want *errs.Error) time.Duration {
	t.Helper()
	wantErr(t, err, want)
	return errs.From(err).RetryAfter
}

// I5: five questions to one tenant wait at most, and the sixth is told exactly when there
// is room. A tenant nobody knows is no different.
func TestOpenRequestsOfATenantAreCapped(t *testing.T) {
	t.Parallel()
	capped(t, func(t *testing.T, w *world) {
		var refusals []*errs.Error
		for _, tenant := range []string{"fabrikam.example", "nobody.example", uuid.NewString()} {
			ask := w.newRequest()
			ask.Tenant = tenant
			for i := range 5 {
				ask.ExpiresAt = ptr(start.Add(time.Duration(10-i) * day))
				if _, err := w.Request(t.Context(), w.byFirm, ask); err != nil {
					t.Fatalf("request %d: %v", i+1, err)
				}
			}
			_, err := w.Request(t.Context(), w.byFirm, ask)
			if wait := waitOf(t, err, ErrOpenEnough); wait != 6*day {
				t.Fatalf("%s: wait %v", tenant, wait)
			}
			refusals = append(refusals, errs.From(err))
		}
		if !reflect.DeepEqual(refusals[0], refusals[1]) || !reflect.DeepEqual(refusals[0], refusals[2]) {
			t.Errorf("the refusals differ: %+v", refusals)
		}
		w.clock.add(6*day - time.Second)
		ask := w.newRequest()
		ask.Tenant = "fabrikam.example"
		_, err := w.Request(t.Context(), w.byFirm, ask)
		if wait := waitOf(t, err, ErrOpenEnough); wait != time.Second {
			t.Fatalf("a second before: wait %v", wait)
		}
		w.clock.add(time.Second)
		if _, err := w.Request(t.Context(), w.byFirm, ask); err != nil {
			t.Fatalf("after the wait: %v", err)
		}
	})
}

// I5: 1000 invitations in a day: 100 are taken, all others are refused with the time of
// the next one, to the microsecond.
func TestThousandInvitationsInADay(t *testing.T) {
	t.Parallel()
	capped(t, func(t *testing.T, w *world) {
		taken := 0
		for i := range 1000 {
			ask := w.newRequest()
			ask.Tenant = fmt.Sprintf("t%d.example", i)
			_, err := w.Request(t.Context(), w.byFirm, ask)
			switch {
			case err == nil:
				taken++
			case waitOf(t, err, ErrAskedEnough) != start.Add(day).Sub(w.clock.Now()):
				t.Fatalf("request %d: wait %v", i, errs.From(err).RetryAfter)
			}
			w.clock.add(time.Second)
		}
		if taken != 100 {
			t.Fatalf("%d were taken", taken)
		}
		if _, err := w.Request(t.Context(), w.addPartner(t, "Rival"), w.newRequest()); err != nil {
			t.Fatalf("another partner pays for it: %v", err)
		}
		w.clock.add(start.Add(day).Sub(w.clock.Now()))
		if _, err := w.Request(t.Context(), w.byFirm, w.newRequest()); err != nil {
			t.Fatalf("after the wait: %v", err)
		}
	})
}

// I5: requests that come at the same time cannot slip past the count together.
func TestCapsHoldUnderConcurrency(t *testing.T) {
	t.Parallel()
	capped(t, func(t *testing.T, w *world) {
		var wait sync.WaitGroup
		results := make([]error, 12)
		for i := range results {
			wait.Go(func() { _, results[i] = w.Request(t.Context(), w.byFirm, w.newRequest()) })
		}
		wait.Wait()
		taken := 0
		for _, err := range results {
			if err == nil {
				taken++
			} else {
				wantErr(t, err, ErrOpenEnough)
			}
		}
		if taken != 5 {
			t.Fatalf("%d were taken", taken)
		}
	})
}

// I5: a partner reminds three times at most, never within three days, and the answer is
// the same for a tenant that hears it, one that is unknown, and one that has blocked it.
func TestReminders(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		deaf := w.addTenant(t, "Deaf", "deaf.example")
		if _, err := w.Block(t.Context(), deaf, w.byFirm.PartnerID, Blocking{}); err != nil {
			t.Fatal(err)
		}
		var all [][]string
		for _, tenant := range []string{"fabrikam.example", "nobody.example", "deaf.example"} {
			made := w.asked(t, func(n *NewRequest) { n.Tenant = tenant })
			all = append(all, w.remindOften(t, made.ID))
			w.clock.add(start.Sub(w.clock.Now()))
		}
		if !reflect.DeepEqual(all[0], all[1]) || !reflect.DeepEqual(all[0], all[2]) {
			t.Errorf("the answers differ: %v", all)
		}
		heard, err := w.rows(t.Context()).heardEvents(w.byCust.TenantID)
		if err != nil || len(heard) != 4 { // the request and three reminders
			t.Errorf("the tenant hears of %d, %v", len(heard), err)
		}
		if heard, err := w.rows(t.Context()).heardEvents(deaf.TenantID); err != nil || len(heard) != 0 {
			t.Errorf("the tenant that does not listen hears %+v, %v", heard, err)
		}
	})
}

// remindOften tries to remind every day for two weeks and notes the answers.
func (w *world) remindOften(t *testing.T, id models.RequestID) (said []string) {
	t.Helper()
	for range 14 {
		request, err := w.Remind(t.Context(), w.byFirm, id)
		refusal := errs.From(err)
		switch {
		case err == nil:
			said = append(said, fmt.Sprint(request.Reminders, request.TenantID))
		case errors.Is(err, ErrRemindedLately):
			said = append(said, refusal.RetryAfter.String())
		default:
			wantErr(t, err, ErrReminded)
			said = append(said, refusal.Code)
		}
		w.clock.add(day)
	}
	want := "72h0m0s 48h0m0s 24h0m0s 1 <nil> 48h0m0s 24h0m0s 2 <nil> 48h0m0s 24h0m0s 3 <nil>"
	if got := strings.Join(said, " "); !strings.HasPrefix(got, want+" "+ErrReminded.Code) {
		t.Errorf("reminders: %s, want %s", got, want)
	}
	return said
}

func TestOnlyThePartnerReminds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		made := w.asked(t, nil)
		w.clock.add(3 * day)
		for _, actor := range []Actor{w.byCust, w.byOps, system} {
			_, err := w.Remind(t.Context(), actor, made.ID)
			wantErr(t, err, ErrNotYours)
		}
		_, err := w.Remind(t.Context(), w.addPartner(t, "Rival"), made.ID)
		wantErr(t, err, ErrNotFound)
		if _, err := w.Decline(t.Context(), w.byCust, made.ID, ""); err != nil {
			t.Fatal(err)
		}
		_, err = w.Remind(t.Context(), w.byFirm, made.ID)
		wantErr(t, err, ErrWrongState)
	})
}

// A partner that feels its way through domains is noted, once for each question that
// was taken, and the question is answered all the same.
func TestQuestionsToNobodyAreNoted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		noted := &notes{}
		w.prober = noted
		w.asked(t, nil)
		w.asked(t, func(n *NewRequest) { n.Tenant = "nobody.example" })
		ask := w.newRequest()
		ask.Purpose = ""
		_, err := w.Request(t.Context(), w.byFirm, ask)
		wantFault(t, err, "purpose")
		if want := []bool{true, false}; !reflect.DeepEqual(noted.known, want) || noted.by != w.byFirm.PartnerID {
			t.Errorf("noted %+v", noted)
		}
	})
}

type notes struct {
	by    models.PartnerID
	known []bool
}

func (n *notes) Asked(_ context.Context, partner models.PartnerID, known bool) {
	n.by, n.known = partner, append(n.known, known)
}
