package gateway_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"countersign/gateway"
	"countersign/gateway/intake"
)

// When uploads hold all the memory they may, the next one waits a moment and is then told to
// come again, unread; it is taken as soon as one of them is done.
func TestCrowd_tellsWhoWaits(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(d *gateway.Deps) { d.Limits.InFlight, d.Limits.InFlightWait = 4<<20, time.Millisecond })
	inside, leave := make(chan struct{}), make(chan struct{})
	e.accept = func(_ intake.Call, src intake.Source) (intake.Accepted, error) {
		close(inside)
		<-leave
		return intake.Accepted{TrackingID: tracking, Location: "/x"}, nil
	}
	path := "/v1/customers/" + tenant + "/deviceBatches"
	var first sync.WaitGroup
	first.Go(func() {
		if resp, body := e.do("POST", path, sdkBody, "unknown length", ""); resp.StatusCode != http.StatusAccepted {
			t.Errorf("the first: %d %s", resp.StatusCode, body)
		}
	})
	<-inside
	for _, prefer := range []string{"", "validate-only"} {
		resp, body := e.do("POST", path, sdkBody, "Prefer", prefer)
		if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", prefer, resp.StatusCode, body)
		}
	}
	close(leave)
	first.Wait()
	e.accept = func(intake.Call, intake.Source) (intake.Accepted, error) {
		return intake.Accepted{TrackingID: tracking, Location: "/x"}, nil
	}
	if resp, body := e.do("POST", path, sdkBody); resp.StatusCode != http.StatusAccepted {
		t.Errorf("afterwards: %d %s", resp.StatusCode, body)
	}
}
