package registration_test

import (
	"fmt"
	"testing"
	"time"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// uploadAt is the id of an upload that was made then.
func uploadAt(t time.Time) models.TrackingID {
	ms := t.UnixMilli()
	return models.TrackingID(fmt.Sprintf("%08x-%04x-7%s", ms>>16, ms&0xffff, newID()[15:]))
}

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	_, raw, err := hardwarehash.DecodeText([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Answers are kept as long as a restored gateway may ask for them; what they registered
// stays.
func TestTrim_keepsAnswersForAMonthAndMore(t *testing.T) {
	here(t, func(t *testing.T, c core) {
		now := time.Now()
		stored := func(u models.TrackingID) bool {
			t.Helper()
			found, err := c.Resolve(t.Context(), u, []int{1})
			if err != nil || len(found) != 1 {
				t.Fatalf("%+v, %v", found, err)
			}
			return !found[0].Absent
		}
		devices := hardwarehash.NewGenerator(3)
		uploads := map[int]models.TrackingID{}
		for _, days := range []int{400, 36, 34, 0} {
			sub := submit(granted(oak, acme), models.DeviceIdentity{Hash: decoded(t, devices.Next().Hash())})
			sub.Upload = uploadAt(now.AddDate(0, 0, -days))
			if res, err := c.Register(t.Context(), sub); err != nil || res.Answers[0].DeviceID == "" {
				t.Fatalf("%+v, %v", res, err)
			}
			uploads[days] = sub.Upload
		}
		before, err := c.registrar.Count(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := c.registrar.Trim(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for days, want := range map[int]bool{400: false, 36: false, 34: true, 0: true} {
			if got := stored(uploads[days]); got != want {
				t.Errorf("the answer of %d days ago is there: %v", days, got)
			}
		}
		if after, err := c.registrar.Count(t.Context(), acme); err != nil || after != before || before != 4 {
			t.Errorf("%d devices before, %d after, %v", before, after, err)
		}
	})
}
