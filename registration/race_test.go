package registration_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// stop is a place where the first transaction to come is held.
type stop struct {
	reached, release chan struct{}
	once             sync.Once
	released         atomic.Bool
}

// holdAt stops the registrar's next transaction at a moment.
func holdAt(c core, at registration.Moment) *stop {
	s := &stop{reached: make(chan struct{}), release: make(chan struct{})}
	c.PauseAt(at, func() {
		s.once.Do(func() {
			close(s.reached)
			<-s.release
		})
	})
	c.t.Cleanup(s.letGo) // a test that failed must not leave a transaction open
	return s
}

func (s *stop) letGo() {
	if s.released.CompareAndSwap(false, true) {
		close(s.release)
	}
}

// reply is what a call in the background returned.
type reply struct {
	res models.Result
	err error
}

func inBackground(call func() (models.Result, error)) <-chan reply {
	out := make(chan reply, 1)
	go func() {
		res, err := call()
		out <- reply{res, err}
	}()
	return out
}

// untilSomebodyWaits returns when a transaction of the test's own database waits
// for a lock. SQLite has a single writer, who needs no lock to be waited for.
func untilSomebodyWaits(t *testing.T, d *db.DB) {
	t.Helper()
	if d.Dialect() != db.Postgres {
		return
	}
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		var n int
		if err := d.Read().WithContext(t.Context()).Raw(waiting).Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
	}
	t.Fatal("nobody waits for a lock")
}

// onPostgres runs a schedule that needs two open transactions.
func onPostgres(t *testing.T) core {
	t.Helper()
	t.Parallel()
	return newCore(t, dbtest.New(t, db.Postgres, migrations.Core))
}

// second is a second core on the same database, as another process has it, reached in
// the same way.
func (c core) second() core {
	if c.remote {
		return newRemote(c.t, c.db)
	}
	return newCore(c.t, c.db)
}

func TestFenceWaitsForWorkThatBeganBefore(t *testing.T) {
	everywhere(t, func(t *testing.T, c core) {
		for i, at := range []registration.Moment{registration.Decided, registration.Written} {
			a := granted(models.PartnerID(rune('p'+i)), acme)
			sub := devices(a, 50+uint64(i), 2)
			held := holdAt(c, at)
			registering := inBackground(func() (models.Result, error) { return c.Register(t.Context(), sub) })
			<-held.reached
			fenced := inBackground(func() (models.Result, error) {
				err := c.second().Fence(t.Context(), models.SubjectOfGrant, string(a.GrantID), 2)
				if !held.released.Load() {
					t.Error("Fence returned while older work could still commit")
				}
				return models.Result{}, err
			})
			untilSomebodyWaits(t, c.db)
			held.letGo()
			if f := <-fenced; f.err != nil {
				t.Fatal(f.err)
			}
			if n := c.count(acme); n != int64(2*(i+1)) {
				t.Errorf("after the fence was set %d devices are there, want %d: work was committed later", n, 2*(i+1))
			}
			r := <-registering
			wantCodes(t, "work from before the fence", c.whole(r.res, r.err), "-", "-")
			after, err := c.Register(t.Context(), devices(a, 60+uint64(i), 1))
			if err != nil || after.Refusal == nil {
				t.Fatalf("after the fence: %+v, %v", after, err)
			}
		}
	})
}

// Between taking the lock and reading the fence must lie a new statement: work
// that waits for a fence must see it.
func TestWorkThatWaitsForAFenceSeesIt(t *testing.T) {
	c := onPostgres(t)
	sub := devices(granted(oak, acme), 52, 1)
	var registering <-chan reply
	err := c.db.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		if err := tx.Gate(ctx, registration.FenceLock(models.SubjectOfPartner, string(oak), true)); err != nil {
			return err
		}
		registering = inBackground(func() (models.Result, error) { return c.Register(t.Context(), sub) })
		untilSomebodyWaits(t, c.db)
		return tx.Gorm().WithContext(ctx).Create(&models.CoreFence{Kind: models.SubjectOfPartner, SubjectID: string(oak), MinEpoch: 2, SetAt: time.Now()}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := <-registering; r.err != nil || r.res.Refusal == nil || c.count(acme) != 0 {
		t.Fatalf("the waiting work: %+v, %v", r.res, r.err)
	}
}

// Whoever commits first owns the device, whoever began first.
func TestTwoTenantsRaceForOneDevice(t *testing.T) {
	for _, firstIsCapture := range []bool{true, false} {
		t.Run(map[bool]string{true: "same capture", false: "two captures"}[firstIsCapture], func(t *testing.T) {
			c := onPostgres(t)
			device := hardwarehash.NewGenerator(53).Next().Report
			other := device
			if !firstIsCapture {
				other = recapture(t, device, 1)
			}
			held := holdAt(c, registration.Decided)
			slow := inBackground(func() (models.Result, error) {
				return c.Register(t.Context(), submit(granted(oak, acme), hash(device)))
			})
			<-held.reached
			wantCodes(t, "the one who commits first", c.second().register(submit(granted(elm, bolt), hash(other))), "-")
			held.letGo()
			r := <-slow
			wantCodes(t, "the one who began first", c.whole(r.res, r.err), "808")
			if a, b := c.count(acme), c.count(bolt); a != 0 || b != 1 {
				t.Errorf("%d and %d devices, want 0 and 1", a, b)
			}
		})
	}
}

// The same for a device that is known and nobody's, claimed in three ways.
func TestTwoTenantsRaceForAKnownDevice(t *testing.T) {
	device := hardwarehash.NewGenerator(54).Next().Report
	for name, claim := range map[string]models.DeviceIdentity{"hash": hash(recapture(t, device, 2)), "tuple": tuple(device), "key": productKey(device)} {
		t.Run(name, func(t *testing.T) {
			c := onPostgres(t)
			c.remove(removal(own(acme), c.one(granted(oak, acme), hash(device)).DeviceID))
			held := holdAt(c, registration.Decided)
			slow := inBackground(func() (models.Result, error) { return c.Register(t.Context(), submit(granted(oak, acme), claim)) })
			<-held.reached
			wantCodes(t, "first to commit", c.second().register(submit(granted(elm, bolt), hash(device))), "-")
			held.letGo()
			r := <-slow
			wantCodes(t, "first to begin", c.whole(r.res, r.err), "808")
		})
	}
}

// Three tenants and eight registrars, as that many processes: dispatches of the same
// devices in different orders and captures, and of some of them, all at once.
func TestManyRacesEndWithOneOwnerEach(t *testing.T) {
	everywhere(t, func(t *testing.T, c core) {
		const n, rounds = 30, 4
		g := hardwarehash.NewGenerator(55)
		reports := make([]*hardwarehash.Report, n)
		for i := range reports {
			reports[i] = g.Next().Report
		}
		tenants := []models.TenantID{acme, bolt, "tenant-cray"}
		registrars := make([]core, 8)
		for i := range registrars {
			registrars[i] = c.second()
		}
		replies := make(map[models.TenantID][]<-chan reply)
		start := make(chan struct{})
		for round := range rounds {
			for which, tenant := range tenants {
				rnd := rand.New(rand.NewPCG(uint64(round), uint64(which)))
				sub := submit(granted(oak, tenant))
				for i, at := range rnd.Perm(n) {
					sub.Rows = append(sub.Rows, models.CoreRow{Row: i + 1, Identity: hash(recapture(t, reports[at], rnd.Uint64()))})
				}
				r := registrars[(round*len(tenants)+which)%len(registrars)]
				half := rnd.IntN(n)
				for _, part := range []models.Submission{withRows(sub, sub.Rows[:half+1]...), sub} {
					replies[tenant] = append(replies[tenant], inBackground(func() (models.Result, error) {
						<-start
						return r.Register(t.Context(), part)
					}))
				}
			}
		}
		close(start)
		total := 0
		for tenant, all := range replies {
			owners := map[models.DeviceID]bool{}
			for _, r := range all {
				got := <-r
				for _, a := range c.whole(got.res, got.err) {
					switch a.Code {
					case models.OutcomeRegistered, models.OutcomeAlreadyAssigned:
						owners[a.DeviceID] = true
					case models.OutcomeOtherTenant:
					default:
						t.Errorf("%s: %+v", tenant, a)
					}
				}
			}
			if mine := int(c.count(tenant)); len(owners) != mine {
				t.Errorf("%s has %d devices and was told of %d", tenant, mine, len(owners))
			}
			total += len(owners)
		}
		if total != n || len(c.identities()) != n {
			t.Errorf("%d devices have an owner and %d are known, want %d", total, len(c.identities()), n)
		}
		c.checkArbiter()
	})
}

// The arbiter is an index: a dispatch takes one lock for each subject of its
// authority, however many devices it registers.
func TestADispatchTakesNoLockPerDevice(t *testing.T) {
	c := onPostgres(t)
	held := holdAt(c, registration.Written)
	slow := inBackground(func() (models.Result, error) { return c.Register(t.Context(), devices(granted(oak, acme), 61, 40)) })
	<-held.reached
	const advisory = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	var n int
	if err := c.db.Read().WithContext(t.Context()).Raw(advisory).Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	if n != 4 {
		t.Errorf("a dispatch of 40 devices holds %d locks, want 4", n)
	}
	held.letGo()
	r := <-slow
	if len(c.whole(r.res, r.err)) != 40 {
		t.Errorf("%+v", r.res)
	}
}

func TestTombstoneStopsWorkInProgress(t *testing.T) {
	c := onPostgres(t)
	sub := devices(granted(oak, acme), 56, 3)
	held := holdAt(c, registration.Decided)
	slow := inBackground(func() (models.Result, error) { return c.Register(t.Context(), sub) })
	<-held.reached
	gone, err := c.second().Resolve(t.Context(), sub.Upload, []int{2})
	if err != nil {
		t.Fatal(err)
	}
	wantCodes(t, "resolved meanwhile", gone, "†")
	held.letGo()
	r := <-slow
	wantCodes(t, "the work", c.whole(r.res, r.err), "-", "†", "-")
	if n := c.count(acme); n != 2 {
		t.Errorf("%d devices, want 2", n)
	}
}

func TestResolveWaitsForAnswersAboutToCommit(t *testing.T) {
	everywhere(t, func(t *testing.T, c core) {
		sub := devices(granted(oak, acme), 57, 2)
		held := holdAt(c, registration.Written)
		slow := inBackground(func() (models.Result, error) { return c.Register(t.Context(), sub) })
		<-held.reached
		resolved := inBackground(func() (models.Result, error) {
			answers, err := c.second().Resolve(t.Context(), sub.Upload, []int{1, 2})
			return models.Result{Answers: answers}, err
		})
		untilSomebodyWaits(t, c.db)
		held.letGo()
		r, s := <-resolved, <-slow
		wantCodes(t, "resolved", c.whole(r.res, r.err), "-", "-")
		if got, want := r.res.Answers[1], c.whole(s.res, s.err)[1]; got != want {
			t.Errorf("resolved %+v, the work answered %+v", got, want)
		}
	})
}

// A worker that came back to life and its successor send the same rows.
func TestTheSameRowsAtOnceAreRegisteredOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, c core) {
		sub := devices(granted(oak, acme), 58, 10)
		var replies []<-chan reply
		for range 4 {
			replies = append(replies, inBackground(func() (models.Result, error) { return c.second().Register(t.Context(), sub) }))
		}
		first := <-replies[0]
		want := c.whole(first.res, first.err)
		for _, other := range replies[1:] {
			r := <-other
			for i, a := range c.whole(r.res, r.err) {
				if a != want[i] || a.Code != models.OutcomeRegistered {
					t.Errorf("row %d: %+v and %+v", i+1, a, want[i])
				}
			}
		}
		if n := c.count(acme); n != 10 {
			t.Errorf("%d devices, want 10", n)
		}
	})
}

func TestTwoRemovalsOfOneDevice(t *testing.T) {
	c := onPostgres(t)
	id := c.register(devices(granted(oak, acme), 59, 1))[0].DeviceID
	held := holdAt(c, registration.Decided)
	slow := inBackground(func() (models.Result, error) { return c.Remove(t.Context(), removal(own(acme), id)) })
	<-held.reached
	wantCodes(t, "first to commit", c.second().remove(removal(granted(oak, acme), id)), "-")
	held.letGo()
	r := <-slow
	wantCodes(t, "first to begin", c.whole(r.res, r.err), "807")
}
