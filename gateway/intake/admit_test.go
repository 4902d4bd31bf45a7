package intake

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
)

// unreadable is a body that nobody may read.
type unreadable struct{ t testing.TB }

func (u unreadable) Next() (Row, error) {
	u.t.Error("the body of a refused call was read")
	return Row{}, io.EOF
}
func (unreadable) BatchName() string { return "x" }
func (unreadable) Digest() []byte    { return nil }

// Backpressure: an upload is refused before its body is read, and nothing is kept of it; what
// was accepted is answered again, devices can be removed, and who has no consent is told
// that and not that the queue is long.
func TestAdmit_refusesUploadsAndNothingElse(t *testing.T) {
	run(t, func(f *fixture) {
		full := errs.New(errs.RateLimited, "too_much_waiting", "Later.").WithRetryAfter(40 * time.Second)
		first := f.accept(keyed(create("depot"), "request-before"), tuples(1))
		f.queue.full = full
		_, err := f.svc.Accept(f.t.Context(), keyed(create("after"), "request-after"), unreadable{f.t})
		if !errors.Is(err, full) || errs.From(err).RetryAfter != 40*time.Second {
			f.t.Errorf("refused with %v", err)
		}
		if f.count("uploads") != 1 || f.budget.spent != 1 {
			f.t.Error("the refused upload left something")
		}
		if again := f.accept(keyed(create("depot"), "request-before"), tuples(1)); !again.Replayed || again.TrackingID != first.TrackingID {
			f.t.Errorf("a repeat: %+v", again)
		}
		device := models.DeviceID("7e57de71-0000-7000-8000-00000000abcd")
		call := create("")
		call.BatchName = ""
		if _, err := f.svc.RemoveDevice(f.t.Context(), call, Registered{ID: device, Upload: first.TrackingID}); err != nil {
			f.t.Errorf("a removal: %v", err)
		}
		f.consent.check = func(context.Context, Ask) (Permit, error) { return Permit{}, errNoConsent }
		_, err = f.svc.Accept(f.t.Context(), keyed(create("stranger"), "request-stranger"), unreadable{f.t})
		wantCode(f.t, err, errNoConsent)
	})
}
