package main

import (
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
	"countersign/registration"
)

// The schedules below force what the random test of internal/e2e meets by chance,
// each for one way of getting it wrong. The checker decides, not the story.

// A worker stands between claim and call while the revoke answers 200. (G1)
func TestFinal_pausedWorkerIsFenced(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, s *schedule) {
		g := s.agree(time.Time{})
		s.upload(g)
		s.during(func() {
			s.read(g)
			if !s.revoke(g) {
				t.Error("the core did not acknowledge")
			}
			s.read(g)
		})
		s.work()
		s.work()
		s.read(g)
		s.judge(0)
	})
}

// An upload was accepted a moment before the revoke, another comes a moment after. (G2)
func TestFinal_noYesIsRemembered(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, s *schedule) {
		g := s.agree(time.Time{})
		s.upload(g)
		s.work()
		s.revoke(g)
		s.uploadNothing(g)
		s.read(g)
		s.judge(1)
	})
}

// The gateway's database has a standby that is behind, and its URL names both, as it
// does where a failover is prepared. A decision is made by the primary alone. (G2, G5)
func TestFinal_noDecisionComesFromAStandby(t *testing.T) {
	t.Parallel()
	primary, err := dbtest.StartServer("fsync=off", "synchronous_commit=on")
	if err != nil {
		t.Fatal(err)
	}
	defer primary.Close()
	standby, err := primary.Standby("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Close()
	both := primary.URL + "&target_session_attrs=read-write"
	behind, err := url.Parse(standby.URL)
	if err != nil {
		t.Fatal(err)
	}
	both = strings.Replace(both, "/postgres?", ","+behind.Host+"/postgres?", 1)
	gateway, err := db.Open(t.Context(), db.Config{URL: both, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer gateway.Close()
	if err := gateway.Migrate(t.Context(), migrations.Gateway); err != nil {
		t.Fatal(err)
	}
	in := newInstallationOn(t, &databases{gateway: gateway, core: dbtest.New(t, db.Postgres, migrations.Core)})
	s := newSchedule(in)
	g := s.agree(time.Time{})
	s.upload(g)
	s.work()
	if err := standby.CatchUp(t.Context(), primary); err != nil {
		t.Fatal(err)
	}
	if err := standby.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.revoke(g)
	s.uploadNothing(g)
	s.read(g)
	s.judge(1)
}

// What was accepted under a grant that ended stays refused when the customer says
// yes again. (G3)
func TestFinal_oldWorkNeverRunsUnderANewGrant(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, s *schedule) {
		old := s.agree(time.Time{})
		s.upload(old)
		s.revoke(old)
		again := s.agree(time.Time{})
		s.work()
		s.read(old)
		s.read(again)
		s.upload(again)
		s.work()
		s.read(old)
		s.read(again)
		s.judge(1)
	})
}

// What waits in the queue while the grant ends is not even sent. (G1)
func TestFinal_claimsLookAgain(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, s *schedule) {
		g := s.agree(time.Time{})
		s.upload(g)
		s.revoke(g)
		s.read(g)
		s.work()
		s.read(g)
		s.judge(0)
		if len(s.log.sent) > 0 {
			t.Errorf("%d requests left after the revoke", len(s.log.sent))
		}
	})
}

// The core does not hear the fence. What is under way may land, so that the answer
// must not say that nothing can.
func TestFinal_noAnswerBeforeTheFence(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, s *schedule) {
		g := s.agree(time.Time{})
		s.upload(g)
		s.log.deaf = true
		s.during(func() {
			s.revoke(g)
			s.read(g)
		})
		s.work()
		s.read(g)
		s.log.deaf = false
		if !s.revoke(g) {
			t.Error("the core did not acknowledge in the end")
		}
		s.read(g)
		s.judge(1)
	})
}

// The core dies after it acknowledged the fence, and another takes its place, before
// the work of a paused worker arrives.
func TestFinal_fenceOutlivesTheCore(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, s *schedule) {
		g := s.agree(time.Time{})
		s.upload(g)
		s.during(func() {
			s.revoke(g)
			s.log.Core = registration.New(s.dbs.core, newID, nil)
			s.read(g)
		})
		s.work()
		s.work()
		s.read(g)
		s.judge(0)
	})
}

// The gateway's own clock is an hour behind the database's. A grant ends by the
// database's. (G4)
func TestFinal_expiryIsTheDatabasesClock(t *testing.T) {
	t.Parallel()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			var ahead atomic.Int64
			clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
			s := newSchedule(newInstallation(t, d, dbtest.WithClock(clock)))
			g := s.agree(clock().Add(30 * time.Minute))
			s.upload(g)
			s.work()
			s.upload(g)
			now := s.step()
			ahead.Store(int64(time.Hour))
			s.h.Add(expired(g, now))
			s.upload(g)
			s.work()
			s.work()
			s.judge(1)
		})
	}
}
