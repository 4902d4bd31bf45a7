package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/consent"
	"countersign/gateway/forward"
	"countersign/gateway/intake"
	"countersign/internal/errs"
	"countersign/internal/linear"
	"countersign/models"
)

// schedule is an installation whose history is kept. Its clock counts steps: what is
// called after something returned has a higher number, which is all the checker
// looks at.
type schedule struct {
	*installation
	h       linear.History
	log     *coreLog
	steps   atomic.Int64
	uploads int
	raised  []linear.Raise
}

// coreLog is the core's own log: what it was asked and what it did, however the
// caller fared. It stands between the line, which can be held, and the core.
type coreLog struct {
	forward.Core
	deaf bool // fences do not arrive
	s    *schedule

	mu   sync.Mutex
	seen map[string]bool
	sent []linear.Request
}

func newSchedule(in *installation) *schedule {
	s := &schedule{installation: in}
	s.log = &coreLog{Core: in.core.Core, s: s, seen: map[string]bool{}}
	in.core.Core = s.log
	return s
}

func (s *schedule) step() int64 { return s.steps.Add(1) }

// Register implements forward.Core. A device is registered by the first answer that
// says so; later ones repeat it.
func (l *coreLog) Register(ctx context.Context, sub models.Submission) (models.Result, error) {
	call := l.s.step()
	res, err := l.Core.Register(ctx, sub)
	answered := l.s.step()
	l.mu.Lock()
	defer l.mu.Unlock()
	grant := string(sub.Authority.GrantID)
	for _, e := range sub.Authority.Epochs {
		if e.Kind == models.SubjectOfGrant {
			l.sent = append(l.sent, linear.Request{
				Grant: grant, Upload: string(sub.Upload), Epoch: e.Epoch,
				Claimed: sub.Authority.NotAfter.Add(-consent.NotAfterBound).UnixNano(), Sent: call, Done: answered,
			})
		}
	}
	n := 0
	for _, a := range res.Answers {
		row := fmt.Sprint(sub.Upload, " ", a.Row)
		if a.Code == models.OutcomeRegistered && !a.Absent && !l.seen[row] {
			l.seen[row] = true
			n++
		}
	}
	if n > 0 {
		l.s.h.Add(linear.Op{Kind: linear.Register, Grant: grant, N: n, Client: 3, Call: call, Return: answered, Note: string(sub.Upload)})
	}
	return res, err
}

// Fence implements forward.Core.
func (l *coreLog) Fence(ctx context.Context, kind models.SubjectKind, id string, minEpoch int64) error {
	if l.deaf {
		return errs.New(errs.Unavailable, "core_unavailable", "The line is cut.")
	}
	return l.Core.Fence(ctx, kind, id, minEpoch)
}

// agree gives consent until a time of the database's clock; zero is the usual one.
func (s *schedule) agree(until time.Time) models.GrantID {
	s.t.Helper()
	partner := consent.Actor{Kind: models.ActorPartner, ID: string(s.caller.ClientID), PartnerID: s.caller.PartnerID}
	asked, err := s.s.consent.Request(s.t.Context(), partner, consent.NewRequest{
		Tenant: string(s.tenant), Purpose: "roll-out", Scopes: []string{consent.GrantScopeDevicesRegister},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	terms := consent.Terms{}
	if !until.IsZero() {
		terms.ExpiresAt = &until
	}
	call := s.step()
	g, err := s.s.consent.Grant(s.t.Context(), s.owner, asked.ID, terms)
	if err != nil {
		s.t.Fatal(err)
	}
	s.h.Add(linear.Op{Kind: linear.Grant, Grant: string(g.ID), Call: call, Return: s.step()})
	return g.ID
}

// upload sends one device, and records what the gateway said under the grant that
// the caller believes in.
func (s *schedule) upload(grant models.GrantID) {
	s.t.Helper()
	s.send(grant, s.fakes(1))
}

// uploadNothing sends a row without a device. It takes nothing of the grant's limit,
// so that nothing but the gate's answer stands between it and acceptance.
func (s *schedule) uploadNothing(grant models.GrantID) {
	s.t.Helper()
	s.send(grant, []intake.Row{{}})
}

func (s *schedule) send(grant models.GrantID, rows []intake.Row) {
	s.t.Helper()
	s.uploads++
	call := s.step()
	_, err := s.submit(fmt.Sprintf("upload %d", s.uploads), rows)
	kind := linear.Accept
	if err != nil {
		if !errors.Is(err, consent.ErrNoConsent) {
			s.t.Fatal(err)
		}
		kind = linear.Refuse
	}
	s.h.Add(linear.Op{Kind: kind, Grant: string(grant), Client: 1, Call: call, Return: s.step()})
}

// revoke ends the grant and tells whether the core had acknowledged.
func (s *schedule) revoke(grant models.GrantID) (done bool) {
	s.t.Helper()
	call := s.step()
	answer, err := s.s.consent.Revoke(context.WithoutCancel(s.t.Context()), s.owner, grant, "contract over")
	if err != nil {
		s.t.Errorf("revoke: %v", err)
		return false
	}
	s.h.Revoked(string(grant), 2, call, s.step(), answer.Done, "")
	s.raised = append(s.raised, linear.Raise{Grant: string(grant), Epoch: answer.Grant.Epoch, At: answer.Grant.EndedAt.UnixNano()})
	return answer.Done
}

// read is a reader of everything: the state, the uploads and the devices of a grant.
func (s *schedule) read(grant models.GrantID) {
	s.t.Helper()
	actor := s.owner
	look := linear.Op{Kind: linear.Look, Grant: string(grant), Client: 4, Call: s.step()}
	found, err := s.s.consent.Get(s.t.Context(), actor, string(grant))
	if err != nil {
		s.t.Fatal(err)
	}
	look.State, look.Return = string(found.Grant.State), s.step()
	s.h.Add(look)
	list := linear.Op{Kind: linear.List, Grant: string(grant), Client: 4, Call: s.step()}
	if err := s.dbs.gateway.Read().Raw("SELECT count(*) FROM uploads WHERE accepted_at IS NOT NULL AND grant_id = ?", grant).Scan(&list.N).Error; err != nil {
		s.t.Fatal(err)
	}
	list.Return = s.step()
	count := linear.Op{Kind: linear.Count, Grant: string(grant), Client: 4, Call: s.step()}
	if err := s.dbs.core.Read().Raw("SELECT count(*) FROM registrations WHERE grant_id = ?", grant).Scan(&count.N).Error; err != nil {
		s.t.Fatal(err)
	}
	count.Return = s.step()
	s.h.Add(list, count)
}

// during runs something once, while a worker that has claimed stands before the
// core, as one does that the system paused there.
func (s *schedule) during(what func()) {
	var once sync.Once
	s.core.before = func(models.Submission) { once.Do(what) }
}

// judge lets the checker decide over everything, and wants so many devices in all.
func (s *schedule) judge(devices int) {
	s.t.Helper()
	if _, err := s.h.Check(10*time.Second, ""); err != nil {
		s.t.Error(err)
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if err := linear.CheckClaims(s.log.sent, s.raised); err != nil {
		s.t.Error(err)
	}
	if len(s.log.seen) != devices {
		s.t.Errorf("%d devices are registered, want %d", len(s.log.seen), devices)
	}
}

// onEachDatabase runs a schedule on PostgreSQL and on SQLite.
func onEachDatabase(t *testing.T, story func(t *testing.T, s *schedule)) {
	t.Helper()
	onBothDatabases(t, func(t *testing.T, in *installation) { story(t, newSchedule(in)) })
}

// expired is the moment at which the database's clock passes a grant's expiry.
func expired(grant models.GrantID, at int64) linear.Op {
	return linear.Op{Kind: linear.Expire, Grant: string(grant), Client: 5, Call: at, Return: at}
}
