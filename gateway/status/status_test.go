package status_test

import (
	"testing"
	"time"

	"countersign/gateway/status"
	"countersign/internal/errs"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for kind, want := range map[errs.Kind]int{
		errs.Invalid: 400, errs.Unauthenticated: 401, errs.Forbidden: 403, errs.NotFound: 404, errs.Conflict: 409,
		errs.RateLimited: 429, errs.Internal: 500, errs.Unavailable: 503,
	} {
		if got := status.Of(kind); got != want {
			t.Errorf("%s is %d, want %d", kind, got, want)
		}
	}
}

// A time that is told is never earlier than true.
func TestSeconds(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		-time.Second: "1", 0: "1", time.Second: "1", time.Second + 1: "2", 90 * time.Second: "90",
	} {
		if got := status.Seconds(wait); got != want {
			t.Errorf("a wait of %s is %s, want %s", wait, got, want)
		}
	}
}
