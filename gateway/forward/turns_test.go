package forward

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// queued stores an upload of a partner's client for a tenant.
func (s *stack) queued(t *testing.T, partner models.PartnerID, tenant models.TenantID, client models.ClientID, n int) models.Upload {
	t.Helper()
	u := s.upload(t, partner, n)
	for _, table := range []string{"uploads", "dispatches"} {
		key := map[string]string{"uploads": "id", "dispatches": "upload_id"}[table]
		err := s.db.Write().WithContext(t.Context()).Exec("UPDATE "+table+" SET tenant_id = ?, client_id = ? WHERE "+key+" = ?", tenant, client, u.ID).Error
		if err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// However long a queue is, the one device of another partner, of another tenant, of another
// client and of another upload waits for one dispatch of each other, and not for the queue.
func TestTurns_nobodyWaitsForAQueue(t *testing.T) {
	t.Parallel()
	for name, small := range map[string]struct {
		partner models.PartnerID
		tenant  models.TenantID
		client  models.ClientID
	}{
		"another partner":              {"z", "tenant-1", "line-1"},
		"the same, another tenant":     {"p", "tenant-2", "line-1"},
		"the same, another client":     {"p", "tenant-1", "line-2"},
		"the same, another upload":     {"p", "tenant-1", "line-1"},
		"a partner that comes earlier": {"a", "tenant-1", "line-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bothDialects(t, func(t *testing.T, s *stack) {
				s.queued(t, "p", "tenant-1", "line-1", 2000)
				s.run(t, true)
				s.queued(t, small.partner, small.tenant, small.client, 1)
				s.run(t, true)
				s.run(t, true)
				if !slices.Contains(s.core.calls, "register 1") {
					t.Errorf("after two more dispatches: %v", s.core.calls)
				}
				s.run(t, true)
				s.run(t, true)
				s.run(t, false)
			})
		})
	}
}

// A partner with much work takes turns between its tenants, not as often as it has uploads
// for one of them.
func TestTurns_areTakenOnEveryRank(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.queued(t, "p", "tenant-1", "line-1", 1)
		s.queued(t, "p", "tenant-1", "line-1", 2)
		s.queued(t, "p", "tenant-1", "line-2", 3)
		s.queued(t, "p", "tenant-2", "line-1", 4)
		s.queued(t, "q", "tenant-1", "line-9", 5)
		for range 5 {
			s.run(t, true)
		}
		want := []string{"register 1", "register 5", "register 4", "register 3", "register 2"}
		if !slices.Equal(s.core.calls, want) {
			t.Errorf("calls %v, want %v", s.core.calls, want)
		}
	})
}

// Over all replicas one partner has so many dispatches in work, and others go on.
func TestTurns_leavePartnersOutThatHaveEnoughInWork(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.f.settings.PartnerInFlight = 2
		s.upload(t, "p", 2000)
		s.upload(t, "q", 1)
		elsewhere := s.another("worker-2")
		for range 2 {
			d, err := elsewhere.next(t.Context())
			if err != nil || d == nil {
				t.Fatal(err)
			}
			if d.PartnerID != "p" {
				continue
			}
			if _, err := elsewhere.claim(t.Context(), *d); err != nil {
				t.Fatal(err)
			}
		}
		d, err := elsewhere.next(t.Context())
		if err != nil || d == nil || d.PartnerID != "p" {
			t.Fatalf("%+v, %v", d, err)
		}
		if _, err := elsewhere.claim(t.Context(), *d); err != nil {
			t.Fatal(err)
		}
		s.run(t, true)
		if !slices.Equal(s.core.calls, []string{"register 1"}) {
			t.Errorf("calls %v", s.core.calls)
		}
		s.run(t, false) // two of p's are in work
		s.clock.Advance(31 * time.Second)
		s.run(t, true) // their workers have died
	})
}

// The look at whose turn it is reads the index of turns and nothing else.
func TestTurns_areReadFromTheirIndex(t *testing.T) {
	t.Parallel()
	s := newStack(t, db.Postgres)
	u := s.upload(t, samplePartner, 1)
	fill := fmt.Sprintf(`INSERT INTO dispatches (upload_id, kind, partner_id, tenant_id, client_id, grant_id, grant_epoch, first_ordinal, last_ordinal, state, run_at, created_at, done_at)
		SELECT %d, 'register', 'p', 't', 'c', 'g', 1, n, n, CASE WHEN n %% 2 = 0 THEN 'done' ELSE 'ready' END, now(), now(), CASE WHEN n %% 2 = 0 THEN now() END
		FROM generate_series(1, 20000) AS n`, u.ID)
	for _, statement := range []string{fill, "ANALYZE dispatches"} {
		if err := s.db.Write().WithContext(t.Context()).Exec(statement).Error; err != nil {
			t.Fatal(err)
		}
	}
	for i, rank := range ranks {
		sql := s.db.Read().ToSQL(func(g *gorm.DB) *gorm.DB {
			due := queueOf(g, time.Now(), nil)
			for j, above := range ranks[:i] {
				due = due.of(above, []string{"p", "t", "c"}[j])
			}
			var values []string
			return due.smallest(rank).Pluck(rank, &values)
		})
		var lines []string
		if err := s.db.Read().WithContext(t.Context()).Raw("EXPLAIN " + sql).Scan(&lines).Error; err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "using dispatches_turns") || strings.Contains(plan, "Sort") {
			t.Errorf("%s is looked for by\n%s", rank, plan)
		}
	}
}

// Work over which workers die again and again does not keep others waiting.
func TestTurns_areTakenWithLapsedWork(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		for n := range 3 {
			s.queued(t, "p", "tenant-1", "line-1", 10+n)
		}
		s.core.register = func(sub models.Submission) (models.Result, error) {
			if len(sub.Rows) >= 10 {
				panic("a crash")
			}
			return models.Result{Answers: registered(sub)}, nil
		}
		for range 3 {
			_, _ = s.f.RunOnce(t.Context())
		}
		s.clock.Advance(31 * time.Second) // all three have lapsed
		s.queued(t, "q", "tenant-2", "line-2", 1)
		for range 2 {
			_, _ = s.f.RunOnce(t.Context())
		}
		if !slices.Contains(s.core.calls, "register 1") {
			t.Errorf("calls %v", s.core.calls)
		}
	})
}

// One row over which workers die is found by halves; the others are registered.
func TestPoison_isOneRow(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 20)
		poison := func(r models.CoreRow) bool { return r.Row == 13 }
		s.core.register = func(sub models.Submission) (models.Result, error) {
			if slices.ContainsFunc(sub.Rows, poison) {
				panic("poison")
			}
			return models.Result{Answers: registered(sub)}, nil
		}
		for range 40 {
			worked, err := s.f.RunOnce(t.Context())
			if err != nil || !worked {
				s.clock.Advance(31 * time.Second)
			}
		}
		_, rows, ds := s.reload(t, u)
		for _, r := range rows {
			if settled := r.SettledAt != nil; settled == (r.Ordinal == 13) {
				t.Errorf("row %d is settled: %v", r.Ordinal, settled)
			}
		}
		for _, d := range ds {
			stopped := d.State == models.DispatchStopped
			if only := d.FirstOrdinal == 13 && d.LastOrdinal == 13; stopped != only || !only && d.State != models.DispatchDone {
				t.Errorf("rows %d to %d are %s", d.FirstOrdinal, d.LastOrdinal, d.State)
			}
		}
	})
}

// One row that the core cannot take is found by halves and tried on; the others are
// registered, and nobody else waits.
func TestStumbling_isOneRow(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u, other := s.upload(t, samplePartner, 20), s.upload(t, "q", 3)
		healed := false
		s.core.register = func(sub models.Submission) (models.Result, error) {
			if !healed && slices.ContainsFunc(sub.Rows, func(r models.CoreRow) bool { return r.Row == 13 }) {
				return models.Result{}, fmt.Errorf("a trigger failed")
			}
			return models.Result{Answers: registered(sub)}, nil
		}
		settled := func(u models.Upload) (n int) {
			_, rows, _ := s.reload(t, u)
			for _, r := range rows {
				if r.SettledAt != nil {
					n++
				}
			}
			return n
		}
		for range 16 {
			_, _ = s.f.RunOnce(t.Context())
			s.clock.Advance(2 * time.Second)
		}
		if settled(u) != 19 || settled(other) != 3 {
			t.Errorf("%d of 20 and %d of 3 rows are settled", settled(u), settled(other))
		}
		if _, _, ds := s.reload(t, u); slices.ContainsFunc(ds, func(d models.Dispatch) bool { return d.State == models.DispatchStopped }) {
			t.Errorf("a dispatch waits for an operator: %+v", ds)
		}
		healed = true
		s.clock.Advance(2 * time.Minute)
		s.run(t, true)
		if settled(u) != 20 {
			t.Errorf("%d of 20 rows are settled in the end", settled(u))
		}
	})
}

// A failure of which the worker lives to tell is no crash.
func TestRelease_forgetsCrashes(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.upload(t, samplePartner, 2)
		tries := 0
		s.core.register = func(sub models.Submission) (models.Result, error) {
			if tries++; tries%2 == 1 {
				panic("a crash")
			}
			return models.Result{}, errs.New(errs.Unavailable, "core_unavailable", "no answer")
		}
		for range 8 {
			_, _ = s.f.RunOnce(t.Context())
			s.clock.Advance(2 * time.Minute)
		}
		if _, _, ds := s.reload(t, u); len(ds) != 1 || ds[0].Crashes > 1 || tries < 8 {
			t.Errorf("after %d tries: %+v", tries, ds)
		}
	})
}
