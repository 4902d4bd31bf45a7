package registration_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// devices makes a submission of n new devices.
func devices(a models.Authority, seed uint64, n int) models.Submission {
	g := hardwarehash.NewGenerator(seed)
	ids := make([]models.DeviceIdentity, n)
	for i := range ids {
		ids[i] = hash(g.Next().Report)
	}
	return submit(a, ids...)
}

func TestAnswersAreGivenAgainHoweverRowsAreGrouped(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		sub := devices(granted(oak, acme), 20, 6)
		r := sub.Rows
		first := c.register(withRows(sub, r[0], r[1], r[2]))
		wantCodes(t, "first dispatch", first, "-", "-", "-")
		again := c.register(withRows(sub, r[0], r[1], r[2]))
		overlap := c.register(withRows(sub, r[4], r[2], r[3], r[1]))
		wantCodes(t, "overlapping dispatch", overlap, "-", "-", "-", "-")
		split := c.register(withRows(sub, r[5]))
		whole := c.register(sub)
		wantCodes(t, "regrouped", whole, "-", "-", "-", "-", "-", "-")
		want := []models.Answer{first[0], first[1], first[2], overlap[2], overlap[3], split[0]}
		for i := range want {
			if whole[i] != want[i] {
				t.Errorf("row %d is answered with %+v now, with %+v before", i+1, whole[i], want[i])
			}
		}
		if again[1] != first[1] {
			t.Errorf("the repetition answered %+v, the first call %+v", again[1], first[1])
		}
		if n := c.count(acme); n != 6 {
			t.Errorf("%d devices, want 6", n)
		}
		r[0].Identity = models.DeviceIdentity{}
		if other := c.register(withRows(sub, r[0])); other[0] != first[0] {
			t.Errorf("other content under an answered row: %+v", other[0])
		}
	})
}

func TestStoredAnswerBeatsFenceAndClock(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		sub := devices(granted(oak, acme), 21, 3)
		done := c.register(withRows(sub, sub.Rows[0], sub.Rows[1]))
		c.fence(models.SubjectOfGrant, string(sub.Authority.GrantID), 2)
		sub.Authority.NotAfter = time.Now().Add(-time.Minute)

		res, err := c.Register(t.Context(), withRows(sub, sub.Rows[0], sub.Rows[1]))
		if err != nil || res.Refusal != nil || len(res.Answers) != 2 || res.Answers[1] != done[1] {
			t.Fatalf("answered rows: %+v, %v", res, err)
		}
		res, err = c.Register(t.Context(), sub)
		if err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedByFence || len(res.Answers) != 2 {
			t.Fatalf("with an open row: %+v, %v", res, err)
		}
		if n := c.count(acme); n != 2 {
			t.Errorf("%d devices, want 2", n)
		}
	})
}

func TestFenceOfEverySubject(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		for i, kind := range []models.SubjectKind{models.SubjectOfPartner, models.SubjectOfClient, models.SubjectOfTenant, models.SubjectOfGrant} {
			a := granted(models.PartnerID("p"+string(kind)), models.TenantID("t"+string(kind)))
			subject := a.Epochs[i]
			c.fence(kind, subject.ID, 5)
			c.fence(kind, subject.ID, 5)
			c.fence(kind, subject.ID, 3) // lower: changes nothing
			sub := devices(a, 30+uint64(i), 1)
			for epoch, refused := range map[int64]bool{4: true, 5: false} {
				sub.Authority.Epochs[i].Epoch = epoch
				res, err := c.Register(t.Context(), withUpload(sub))
				if err != nil || (res.Refusal != nil) != refused {
					t.Fatalf("%s at epoch %d: %+v, %v", kind, epoch, res, err)
				}
				if !refused {
					continue
				}
				want := models.Refusal{Reason: models.RefusedByFence, Subject: models.SubjectEpoch{Kind: kind, ID: subject.ID, Epoch: 4}, MinEpoch: 5}
				if *res.Refusal != want || len(res.Answers) != 0 {
					t.Errorf("%s: refused with %+v, want %+v", kind, *res.Refusal, want)
				}
			}
		}
	})
}

// withUpload is sub as the row of a new upload.
func withUpload(sub models.Submission) models.Submission {
	sub.Upload = newUpload()
	return sub
}

func TestLateWorkIsRefusedAndNotStored(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		sub := devices(granted(oak, acme), 22, 2)
		sub.Authority.NotAfter = time.Now().Add(-time.Second)
		res, err := c.Register(t.Context(), sub)
		if err != nil || res.Refusal == nil || res.Refusal.Reason != models.RefusedAsLate || len(res.Answers) != 0 {
			t.Fatalf("late: %+v, %v", res, err)
		}
		gone, err := c.Remove(t.Context(), models.Submission{Upload: newUpload(), Authority: sub.Authority, Rows: []models.CoreRow{{Row: 1, DeviceID: "x"}}})
		if err != nil || gone.Refusal == nil || gone.Refusal.Reason != models.RefusedAsLate {
			t.Fatalf("late removal: %+v, %v", gone, err)
		}
		sub.Authority.NotAfter = time.Now().Add(time.Minute)
		wantCodes(t, "sent again in time", c.register(sub), "-", "-")
	})
}

func TestTombstoneBeatsALateRegister(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		sub := devices(granted(oak, acme), 23, 3)
		done := c.register(withRows(sub, sub.Rows[1]))
		for range 2 { // the second look finds its own tombstones
			got, err := c.Resolve(t.Context(), sub.Upload, []int{3, 2, 1})
			if err != nil {
				t.Fatal(err)
			}
			wantCodes(t, "resolved", got, "†", "-", "†")
			if got[0].Row != 3 || got[2].Row != 1 || got[1] != done[0] {
				t.Errorf("resolved %+v", got)
			}
		}
		wantCodes(t, "late", c.register(sub), "†", "-", "†")
		if n := c.count(acme); n != 1 {
			t.Errorf("%d devices, want 1", n)
		}
		sub.Upload = newUpload()
		wantCodes(t, "the same devices in another upload", c.register(sub), "-", "806", "-")
	})
}

func TestResolveTakesMoreRowsThanADispatch(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		rows := make([]int, 1200)
		for i := range rows {
			rows[i] = 1200 - i
		}
		got, err := c.Resolve(t.Context(), newUpload(), rows)
		if err != nil || len(got) != 1200 || got[0].Row != 1200 || !got[1199].Absent || got[1199].Row != 1 {
			t.Fatalf("%d answers, %v", len(got), err)
		}
	})
}

func TestSubmissionsTheContractForbids(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		good := func() models.Submission { return devices(granted(oak, acme), 24, 2) }
		for name, spoil := range map[string]func(*models.Submission){
			"no upload":             func(s *models.Submission) { s.Upload = "" },
			"no rows":               func(s *models.Submission) { s.Rows = nil },
			"too many rows":         func(s *models.Submission) { s.Rows = make([]models.CoreRow, models.DispatchRows+1) },
			"row zero":              func(s *models.Submission) { s.Rows[0].Row = 0 },
			"a row twice":           func(s *models.Submission) { s.Rows[0].Row = 2 },
			"no end":                func(s *models.Submission) { s.Authority.NotAfter = time.Time{} },
			"factory":               func(s *models.Submission) { s.Authority.Kind = models.ByFactory },
			"no tenant":             func(s *models.Submission) { s.Authority.TenantID = "" },
			"no grant":              func(s *models.Submission) { s.Authority.GrantID = "" },
			"grant without epoch":   func(s *models.Submission) { s.Authority.Epochs = s.Authority.Epochs[:3] },
			"client without epoch":  func(s *models.Submission) { s.Authority.ClientID = "p-other" },
			"epoch of other tenant": func(s *models.Submission) { s.Authority.TenantID = bolt },
			"tenant with a grant":   func(s *models.Submission) { s.Authority.Kind = models.ByTenant },
		} {
			sub := good()
			spoil(&sub)
			for call, do := range map[string]func(context.Context, models.Submission) (models.Result, error){"Register": c.Register, "Remove": c.Remove} {
				if _, err := do(t.Context(), sub); errs.KindOf(err) != errs.Invalid {
					t.Errorf("%s, %s: %v, want Invalid", name, call, err)
				}
			}
		}
		if err := c.Fence(t.Context(), "planet", "x", 1); errs.KindOf(err) != errs.Invalid {
			t.Errorf("fence of an unknown kind: %v", err)
		}
		if _, err := c.Resolve(t.Context(), "u", []int{1, 0}); errs.KindOf(err) != errs.Invalid {
			t.Errorf("resolve of row zero: %v", err)
		}
		if n := c.count(acme); n != 0 {
			t.Errorf("%d devices were registered", n)
		}
	})
}

func TestACancelledCallIsUnavailableAndRegistersNothing(t *testing.T) {
	here(t, func(t *testing.T, c core) {
		ctx, cancel := context.WithCancel(t.Context())
		c.PauseAt(registration.Decided, cancel)
		_, err := c.Register(ctx, devices(granted(oak, acme), 25, 1))
		if errs.KindOf(err) != errs.Unavailable || !errors.Is(err, context.Canceled) || c.count(acme) != 0 {
			t.Errorf("a cancelled call: %v, %d devices", err, c.count(acme))
		}
	})
}
