package intake

import (
	"errors"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/registration/hardwarehash"
)

// API6 (mass claiming): who guessed too much names devices by hash only. Nothing else is
// asked, and a refusal leaves nothing.
func TestProbing(t *testing.T) {
	run(t, func(f *fixture) {
		refusal := errs.New(errs.RateLimited, "rate_limit_exceeded", "Later.").WithRetryAfter(7 * time.Second)
		first := f.accept(keyed(create("before"), "request-before"), tuples(3))
		if f.probing.asked != 1 {
			f.t.Errorf("asked %d times for one upload", f.probing.asked)
		}
		f.probing.refuse = refusal
		if again := f.accept(keyed(create("before"), "request-before"), tuples(3)); !again.Replayed || again.TrackingID != first.TrackingID {
			f.t.Errorf("a repetition: %+v", again)
		}
		g := hardwarehash.NewGenerator(11)
		hashes := list(Row{HardwareHash: g.Next().Hash()}, Row{SerialNumber: "a serial alone names nothing"}, Row{HardwareHash: g.Next().Hash()})
		f.accept(create("hashes"), hashes)

		spent, uploads := f.budget.spent, f.count("uploads")
		mixed := list(Row{HardwareHash: g.Next().Hash()}, Row{ProductKey: "3305300000001"})
		for _, src := range []Source{tuples(1), tuples(SmallRows + 10), mixed} {
			_, err := f.svc.Accept(f.t.Context(), keyed(create("after"), "request-after"), src)
			if !errors.Is(err, refusal) || errs.From(err).RetryAfter != 7*time.Second {
				f.t.Errorf("refused with %v", err)
			}
		}
		if f.budget.spent != spent || f.count("uploads") != uploads {
			f.t.Error("a refused upload cost budget or left rows")
		}
		f.probing.refuse = nil
		if a := f.accept(keyed(create("after"), "request-after"), tuples(1)); a.Replayed {
			f.t.Error("the refusal was kept as the answer")
		}
	})
}
