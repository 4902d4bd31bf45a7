package forward

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// Run keeps the workers going until ctx ends. Work that was claimed by then is
// finished: it takes at most the call timeout and two short transactions.
func (f *Forwarder) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for range f.settings.Workers {
		wg.Go(func() { f.loop(ctx) })
	}
	wg.Wait()
}

func (f *Forwarder) loop(ctx context.Context) {
	idle := time.NewTimer(0)
	defer idle.Stop()
	for ctx.Err() == nil {
		worked, err := f.RunOnce(ctx)
		if err != nil && ctx.Err() == nil {
			f.log.ErrorContext(ctx, "forwarding", "error", err)
		}
		if worked && err == nil {
			continue
		}
		idle.Reset(f.settings.Poll)
		select {
		case <-ctx.Done():
		case <-f.wake:
		case <-idle.C:
		}
	}
}

// RunOnce claims and works off one dispatch. worked is false when there was
// nothing to do.
func (f *Forwarder) RunOnce(ctx context.Context) (worked bool, err error) {
	ok, probe := f.breaker.allow(f.now())
	if !ok {
		return false, nil
	}
	if probe {
		defer f.breaker.untried() // unless a call has ended it
	}
	d, err := f.next(ctx)
	if err != nil || d == nil {
		return false, err
	}
	w, err := f.claim(ctx, *d)
	if errors.Is(err, errNotClaimed) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	// A claimed dispatch is finished even when the process is asked to stop.
	return true, f.process(context.WithoutCancel(ctx), w)
}

// process carries out the plan. A panic is that dispatch's failure, not the
// process's; it counts as a crash because the lease is left to run out.
func (f *Forwarder) process(ctx context.Context, w *work) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("dispatch %d: panic: %v\n%s", w.dispatch.ID, p, debug.Stack())
		}
	}()
	if len(w.rows) == 0 {
		return f.settle(ctx, w, settled{final: true})
	}
	ctx, lost := context.WithCancel(ctx)
	defer lost()
	var wg sync.WaitGroup
	beating, stop := context.WithCancel(ctx)
	defer wg.Wait()
	defer stop()
	wg.Go(func() { f.heartbeat(beating, w, lost) })

	if w.plan == planSend {
		return f.send(ctx, w)
	}
	return f.close(ctx, w)
}

// send forwards the rows and settles what the core answered.
func (f *Forwarder) send(ctx context.Context, w *work) error {
	if err := db.RefuseInTx(ctx, "the call to the core"); err != nil {
		return err
	}
	if left, err := f.limit(ctx, w); err != nil || !left {
		return err
	}
	f.putOffGuesses(ctx, w)
	if len(w.rows) == 0 {
		return f.store.release(ctx, &w.dispatch, w.pause, reasonProbing)
	}
	callCtx, cancel := context.WithTimeout(ctx, f.settings.CallTimeout)
	defer cancel()
	res, err := f.call(callCtx, w)
	f.heard(err)
	if err != nil {
		return f.failed(ctx, w, err)
	}
	done, err := complete(w, res)
	if err != nil {
		return f.store.stop(ctx, &w.dispatch, "the core's answer does not fit the call: "+err.Error())
	}
	if res.Refusal == nil {
		if err := f.settle(ctx, w, done); err != nil || done.final {
			return err
		}
		return f.store.release(ctx, &w.dispatch, w.pause, reasonProbing)
	}
	if len(done.answers) > 0 {
		if err := f.settle(ctx, w, done); err != nil || done.final {
			return err
		}
	}
	return f.refused(ctx, w, *res.Refusal)
}

// complete checks that the core answered the rows it was asked about and, unless
// it refused the call, all of them: an answer is never guessed.
func complete(w *work, res models.Result) (settled, error) {
	asked := make(map[int]bool, len(w.rows))
	for _, r := range w.rows {
		asked[r.Row] = true
	}
	out := settled{}
	for _, a := range res.Answers {
		if !asked[a.Row] {
			return out, fmt.Errorf("row %d was not asked about, or is answered twice", a.Row)
		}
		delete(asked, a.Row)
		if a.Absent {
			a = ended(w, a.Row, "")
		}
		out.answers = append(out.answers, a)
	}
	if res.Refusal == nil && len(asked) > 0 {
		return out, fmt.Errorf("%d of %d rows have no answer", len(asked), len(w.rows))
	}
	out.final = len(asked) == 0 && w.putOff == 0
	return out, nil
}

// failed files an unknown outcome. Sending again is safe, because the core
// answers what it has stored; only a call that broke the contract is stopped.
func (f *Forwarder) failed(ctx context.Context, w *work, cause error) error {
	if errs.KindOf(cause) == errs.Invalid {
		return f.store.stop(ctx, &w.dispatch, errs.From(cause).Detail)
	}
	f.log.WarnContext(ctx, "the core did not answer", "dispatch", w.dispatch.ID,
		"attempt", w.dispatch.Attempt, "error", cause)
	if errs.KindOf(cause) == errs.Internal {
		return f.stumbled(ctx, w, cause)
	}
	return f.store.release(ctx, &w.dispatch, f.pause(w.dispatch.Attempt), errs.From(cause).Code)
}

// stumbled files a failure of a core that is there: something about these rows may be more
// than it can take. They are halved as those over which workers die are, so that one row
// does not hold 499 others up; a row alone is tried again and again.
func (f *Forwarder) stumbled(ctx context.Context, w *work, cause error) error {
	d := &w.dispatch
	failures := min(d.Crashes+1, f.settings.MaxCrashes-2)
	if d.Crashes+1 < f.settings.MaxCrashes-1 || d.FirstOrdinal == d.LastOrdinal {
		return f.store.putBack(ctx, d, f.pause(d.Attempt), errs.From(cause).Code, failures)
	}
	return f.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		return f.store.halveTx(ctx, tx, *d, failures, now)
	})
}

// heard tells the breaker whether the core speaks. That it finds fault with a call, or
// stumbles over its rows, is an answer.
func (f *Forwarder) heard(err error) {
	if err == nil || errs.KindOf(err) != errs.Unavailable {
		f.breaker.answered()
		return
	}
	f.breaker.silent(f.now())
}

// refused goes back to the gate. If the gate still says yes with an epoch below
// the core's fence, this gateway is behind the core (a restored backup), and the
// core is right.
func (f *Forwarder) refused(ctx context.Context, w *work, r models.Refusal) error {
	if r.Reason == models.RefusedAsLate {
		return f.store.release(ctx, &w.dispatch, f.pause(w.dispatch.Attempt), "late")
	}
	now, err := f.standingNow(ctx, w.dispatch)
	if err != nil {
		return err
	}
	behind := now.Verdict != consent.VerdictEnded && epochOf(now.Permit.Epochs, r.Subject) < r.MinEpoch
	if !behind {
		return f.store.release(ctx, &w.dispatch, 0, "fenced")
	}
	if r.Subject.Kind != models.SubjectOfGrant {
		return f.store.stop(ctx, &w.dispatch, fmt.Sprintf(
			"the core refuses this %s since epoch %d, which is newer than ours: was a backup restored?", r.Subject.Kind, r.MinEpoch))
	}
	if err := f.gate.ForceRevoked(ctx, models.GrantID(r.Subject.ID), r.MinEpoch, "the core's fence is ahead of the gateway"); err != nil {
		return err
	}
	return f.store.release(ctx, &w.dispatch, 0, "fenced")
}

// close ends a dispatch the core will not be asked to register any more. What
// was ever sent is resolved first, and only the core's silence past a day makes
// the gateway answer without its word.
func (f *Forwarder) close(ctx context.Context, w *work) error {
	known := map[int]models.Answer{}
	if w.dispatch.EverSent {
		callCtx, cancel := context.WithTimeout(ctx, f.settings.CallTimeout)
		answers, err := f.core.Resolve(callCtx, w.upload.TrackingID, w.ordinals())
		cancel()
		f.heard(err)
		if err != nil && !f.hopeless(w) {
			return f.failed(ctx, w, err)
		}
		for _, a := range answers {
			known[a.Row] = a
		}
		if err != nil {
			return f.settle(ctx, w, f.closing(w, known, true))
		}
	}
	return f.settle(ctx, w, f.closing(w, known, false))
}

// hopeless says that even resolving has failed for an hour past the give-up age.
func (f *Forwarder) hopeless(w *work) bool {
	return w.claimedAt.Sub(w.dispatch.CreatedAt) > f.settings.GiveUp+time.Hour
}

// closing is the outcome of each row when the gateway has the last word.
func (f *Forwarder) closing(w *work, known map[int]models.Answer, unresolved bool) settled {
	out := settled{final: true}
	for _, r := range w.rows {
		if a, ok := known[r.Row]; ok && !a.Absent {
			out.answers = append(out.answers, a)
			continue
		}
		out.answers = append(out.answers, lastWord(w, r.Row, unresolved))
	}
	return out
}

func lastWord(w *work, row int, unresolved bool) models.Answer {
	a := models.Answer{Row: row, Code: models.OutcomeStorageError}
	switch {
	case unresolved && w.dispatch.Kind == models.UploadReport:
		a.Detail = sentenceReportUnknown
	case unresolved:
		a.Detail = "The registration service never answered. The device may be registered; send the row again to find out."
	case w.plan != planGiveUp:
		return ended(w, row, w.reason)
	}
	return a
}

// reasonWords says to a partner why a grant let nothing more through.
var reasonWords = map[string]string{
	consent.ReasonRevoked:          "it was revoked",
	consent.ReasonExpired:          "it expired",
	consent.ReasonScope:            "it no longer allows this",
	consent.ReasonSuspended:        "it stayed suspended too long",
	consent.ReasonPartnerSuspended: "the partner stayed suspended too long",
	consent.ReasonClientFrozen:     "the submitting client stayed frozen too long",
	consent.ReasonTenantSuspended:  "the customer stayed suspended too long",
}

// What rows without a grant are told when the gateway has the last word.
const (
	sentenceDropped       = "This was not carried out in time. Send it again."
	sentenceReportDropped = "The report of this device was not carried out in time. Send it again."
	sentenceReportUnknown = "The registration service never answered. The device may be on record; report it again to make sure."
)

func ended(w *work, row int, reason string) models.Answer {
	a := models.Answer{Row: row, Code: models.OutcomeConsentEnded}
	if w.dispatch.GrantID == "" { // nobody's consent has ended
		a.Code, a.Detail = models.OutcomeStorageError, sentenceDropped
		if w.dispatch.Kind == models.UploadReport {
			a.Detail = sentenceReportDropped
		}
		if words := reasonWords[reason]; words != "" {
			a.Detail += " (" + words + ")"
		}
		return a
	}
	if words := reasonWords[reason]; words != "" {
		a.Detail = "The customer's consent ended before this device was registered: " + words + ". Ask for a new consent."
	}
	return a
}
