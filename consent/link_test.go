package consent

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"countersign/internal/errs"
	"countersign/models"
)

// asked is a request with its link.
func (w *world) asked(t *testing.T, change func(*NewRequest)) Asked {
	t.Helper()
	ask := w.newRequest()
	if change != nil {
		change(&ask)
	}
	made, err := w.Request(t.Context(), w.byFirm, ask)
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	return made
}

// I2, I3: the link opens for every person of the tenant in a role, as often as anybody
// likes, and a mail scanner that opened it 20 times takes nothing away.
func TestLinkOpensWithoutBeingUsedUp(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		made := w.asked(t, nil)
		admin, approver := w.person(t, w.byCust.TenantID, models.PersonAdmin), w.person(t, w.byCust.TenantID, models.PersonApprover)
		for i := range 20 {
			got, err := w.RequestByLink(t.Context(), []Actor{admin, approver}[i%2], made.Secret)
			if err != nil || got.Request.ID != made.ID || got.PartnerName != "Contoso OEM" || got.Request.LinkDigest != nil {
				t.Fatalf("opening %d: %+v, %v", i, got, err)
			}
		}
		grant, err := w.Grant(t.Context(), approver, made.ID, Terms{})
		if err != nil || grant.State != models.GrantActive {
			t.Fatalf("grant %+v, %v", grant, err)
		}
		_, err = w.RequestByLink(t.Context(), admin, made.Secret)
		wantErr(t, err, ErrLink)
	})
}

// lookups counts what a read costs.
func (w *world) lookups(t *testing.T, fn func()) (n int) {
	t.Helper()
	name := "test:" + t.Name()
	count := func(*gorm.DB) { n++ }
	for _, err := range []error{
		w.d.Read().Callback().Query().After("gorm:query").Register(name, count),
		w.d.Read().Callback().Row().After("gorm:row").Register(name, count),
		w.d.Read().Callback().Raw().After("gorm:raw").Register(name, count),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		_ = w.d.Read().Callback().Query().Remove(name)
		_ = w.d.Read().Callback().Row().Remove(name)
		_ = w.d.Read().Callback().Raw().Remove(name)
	}()
	fn()
	return n
}

// deadLinks makes a link of each kind that opens nothing, with who tries it.
func (w *world) deadLinks(t *testing.T) map[string]func() (Actor, string) {
	t.Helper()
	admin := w.person(t, w.byCust.TenantID, models.PersonAdmin)
	stranger := w.person(t, w.addTenant(t, "Stranger", "stranger.example").TenantID, models.PersonAdmin)
	used, replaced, withdrawn, declined, good := w.asked(t, nil), w.asked(t, nil), w.asked(t, nil), w.asked(t, nil), w.asked(t, nil)
	short := w.asked(t, func(n *NewRequest) { n.LinkUntil = ptr(start.Add(time.Hour)) })
	blocked := w.addPartner(t, "Blocked")
	muted, err := w.Request(t.Context(), blocked, w.newRequest())
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Grant(t.Context(), admin, used.ID, Terms{})
	_, errDecline := w.Decline(t.Context(), admin, declined.ID, "")
	_, errLink := w.NewLink(t.Context(), w.byFirm, replaced.ID, nil)
	_, errWithdraw := w.Withdraw(t.Context(), w.byFirm, withdrawn.ID, "")
	_, errBlock := w.Block(t.Context(), admin, blocked.PartnerID, Blocking{})
	if err := errors.Join(err, errDecline, errLink, errWithdraw, errBlock); err != nil {
		t.Fatal(err)
	}
	w.clock.add(time.Hour)
	by := func(actor Actor, secret string) func() (Actor, string) {
		return func() (Actor, string) { return actor, secret }
	}
	return map[string]func() (Actor, string){
		"unknown": by(admin, strings.Repeat("A", 43)), "empty": by(admin, ""), "huge": by(admin, strings.Repeat("x", 1<<16)),
		"NUL": by(admin, "\x00"), "used": by(admin, used.Secret), "replaced": by(admin, replaced.Secret),
		"withdrawn": by(admin, withdrawn.Secret), "declined": by(admin, declined.Secret), "expired": by(admin, short.Secret),
		"of another tenant": by(stranger, good.Secret), "of a blocked partner": by(admin, muted.Secret),
	}
}

// I2, I4: links that open nothing are one answer to the byte, and cost the same number
// of look-ups, whatever the reason.
func TestDeadLinksAreAllAlike(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		shapes, costs := map[string]string{}, map[string]int{}
		for name, link := range w.deadLinks(t) {
			actor, secret := link()
			var err error
			costs[name] = w.lookups(t, func() { _, err = w.RequestByLink(t.Context(), actor, secret) })
			wantErr(t, err, ErrLink)
			text, _ := json.Marshal(errs.From(err))
			shapes[name] = string(text)
		}
		for name := range shapes {
			if shapes[name] != shapes["unknown"] || costs[name] != costs["unknown"] {
				t.Errorf("%s: %s after %d look-ups; unknown: %s after %d", name, shapes[name], costs[name], shapes["unknown"], costs["unknown"])
			}
		}
		if costs["unknown"] == 0 {
			t.Error("nothing was counted")
		}
	})
}

// I2: a link is a pointer for persons of the tenant in a role; nobody else opens it.
func TestLinkIsForPeopleInARole(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		made := w.asked(t, nil)
		norole := w.person(t, w.byCust.TenantID, models.PersonAdmin)
		norole.Person.Role = ""
		other := w.person(t, w.byCust.TenantID, models.PersonAdmin)
		other.ID = "somebody else"
		for _, actor := range []Actor{w.byCust, w.byFirm, w.byOps, norole, other} {
			_, err := w.RequestByLink(t.Context(), actor, made.Secret)
			wantErr(t, err, ErrNoRight)
		}
	})
}

// I1: the secret has 256 bits, is stored as SHA-256 alone, and is told once.
func TestLinkSecretIsToldOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		made, again := w.asked(t, nil), w.asked(t, nil)
		if made.Secret == again.Secret || len(made.Secret) != 43 || made.LinkDigest != nil {
			t.Fatalf("secrets %q and %q, digest %x", made.Secret, again.Secret, made.LinkDigest)
		}
		stored, err := w.rows(t.Context()).request(made.ID, scope{})
		if err != nil || len(stored.LinkDigest) != 32 || !reflect.DeepEqual(stored.LinkDigest, linkDigest(made.Secret)) {
			t.Fatalf("stored %x, %v", stored.LinkDigest, err)
		}
		for _, viewer := range []Actor{w.byFirm, w.byCust, w.byOps} {
			got, err := w.Get(t.Context(), viewer, string(made.ID))
			if err != nil || got.Request.LinkDigest != nil {
				t.Errorf("%s sees %x, %v", viewer.Kind, got.Request.LinkDigest, err)
			}
		}
	})
}

// I2: a link lasts a week unless said otherwise, never more than 90 days, and never
// longer than the question.
func TestLinkLasts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite")
	for name, c := range map[string]struct {
		change func(*NewRequest)
		until  time.Time
		field  string
	}{
		"default":             {func(*NewRequest) {}, start.Add(7 * day), ""},
		"chosen":              {func(n *NewRequest) { n.LinkUntil = ptr(start.Add(20 * day)) }, start.Add(20 * day), ""},
		"with the question":   {func(n *NewRequest) { n.ExpiresAt = ptr(start.Add(2 * day)) }, start.Add(2 * day), ""},
		"90 days":             {func(n *NewRequest) { n.ExpiresAt, n.LinkUntil = ptr(start.Add(90*day)), ptr(start.Add(90*day)) }, start.Add(90 * day), ""},
		"past":                {func(n *NewRequest) { n.LinkUntil = &start }, time.Time{}, "linkUntil"},
		"after the question":  {func(n *NewRequest) { n.LinkUntil = ptr(start.Add(31 * day)) }, time.Time{}, "linkUntil"},
		"question of 91 days": {func(n *NewRequest) { n.ExpiresAt = ptr(start.Add(91 * day)) }, time.Time{}, "expiresAt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := w.newRequest()
			c.change(&ask)
			made, err := w.Request(t.Context(), w.byFirm, ask)
			if c.field != "" {
				wantFault(t, err, c.field)
				return
			}
			if err != nil || !made.LinkUntil.Equal(c.until) {
				t.Fatalf("until %v, %v", made.LinkUntil, err)
			}
		})
	}
}

// I5: only the partner that asked makes a new link, and only while nobody has decided.
func TestNewLinkReplacesTheOld(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		made, admin := w.asked(t, nil), w.person(t, w.byCust.TenantID, models.PersonAdmin)
		for _, actor := range []Actor{w.byCust, w.byOps, admin} {
			_, err := w.NewLink(t.Context(), actor, made.ID, nil)
			wantErr(t, err, ErrNotYours)
		}
		_, err := w.NewLink(t.Context(), w.addPartner(t, "Rival"), made.ID, nil)
		wantErr(t, err, ErrNotFound)
		w.clock.add(8 * day)
		_, err = w.RequestByLink(t.Context(), admin, made.Secret)
		wantErr(t, err, ErrLink)
		next, err := w.NewLink(t.Context(), w.byFirm, made.ID, nil)
		if err != nil || next.Secret == made.Secret || next.LinkDigest != nil || !next.LinkUntil.Equal(w.clock.Now().Add(7*day)) {
			t.Fatalf("new link %+v, %v", next, err)
		}
		if _, err := w.RequestByLink(t.Context(), admin, next.Secret); err != nil {
			t.Fatal(err)
		}
		_, err = w.NewLink(t.Context(), w.byFirm, made.ID, ptr(w.clock.Now()))
		wantFault(t, err, "linkUntil")
		if _, err := w.Withdraw(t.Context(), w.byFirm, made.ID, ""); err != nil {
			t.Fatal(err)
		}
		_, err = w.NewLink(t.Context(), w.byFirm, made.ID, nil)
		wantErr(t, err, ErrWrongState)
	})
}

// I3, W8: two admins decide at once: one grant, and the other sees it.
func TestTwoAdminsDecideAtOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		made := w.asked(t, nil)
		admins := []Actor{w.person(t, w.byCust.TenantID, models.PersonAdmin), w.person(t, w.byCust.TenantID, models.PersonAdmin)}
		var wait sync.WaitGroup
		failed := make([]error, len(admins))
		for i, admin := range admins {
			wait.Go(func() { _, failed[i] = w.Grant(t.Context(), admin, made.ID, Terms{}) })
		}
		wait.Wait()
		loser := failed[0]
		if loser == nil {
			loser = failed[1]
		}
		if (failed[0] == nil) == (failed[1] == nil) || !errors.Is(loser, ErrWrongState) {
			t.Fatalf("decisions ended with %v", failed)
		}
		for _, admin := range admins {
			list, _, err := w.List(t.Context(), Filter{Viewer: admin})
			if err != nil || len(list) != 1 || list[0].Kind != KindGrant {
				t.Fatalf("list %+v, %v", list, err)
			}
			got, err := w.Get(t.Context(), admin, string(made.ID))
			if err != nil || got.Grant == nil || got.Grant.ID != list[0].Grant.ID {
				t.Fatalf("the request leads to %+v, %v", got.Grant, err)
			}
		}
		decisions, err := w.rows(t.Context()).decisions(string(made.ID))
		if err != nil || len(decisions) != 1 {
			t.Fatalf("decisions %+v, %v", decisions, err)
		}
	})
}

// I7: without any link an admin finds what waits, and decides.
func TestAdminNeedsNoLink(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		w.asked(t, func(n *NewRequest) { n.Tenant = "fabrikam.example" })
		admin := w.person(t, w.byCust.TenantID, models.PersonAdmin)
		list, _, err := w.List(t.Context(), Filter{Viewer: admin, State: "pending"})
		if err != nil || len(list) != 1 {
			t.Fatalf("waiting %+v, %v", list, err)
		}
		if _, err := w.Grant(t.Context(), admin, list[0].Request.ID, Terms{}); err != nil {
			t.Fatal(err)
		}
	})
}
