package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/ledger"
	"countersign/models"
	"countersign/models/migrations"
)

const (
	northwind = models.PartnerID("10000000-0000-7000-8000-000000000001")
	fabrikam  = models.TenantID("20000000-0000-7000-8000-000000000001")
	adatum    = models.TenantID("20000000-0000-7000-8000-000000000002")
)

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// unsigned signs nothing.
type unsigned struct{}

func (unsigned) Sign(typ string, _ any) (string, error) { return typ, nil }

// bag is a carrier that keeps mails, and fails as it is told.
type bag struct {
	mu   sync.Mutex
	fail error
	lose bool // takes the mail and loses the answer
	got  []Mail
}

func (b *bag) Send(ctx context.Context, m Mail) error {
	if err := db.RefuseInTx(ctx, "mail"); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil || b.lose {
		b.got = append(b.got, m)
	}
	return b.fail
}

// office is a gateway's database with a partner, two tenants and their people.
type office struct {
	t     *testing.T
	db    *db.DB
	clock *clock
	bag   *bag
	order *ledger.Sequencer
	svc   *Service
}

func both(t *testing.T, fn func(o *office)) {
	t.Helper()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			fn(newOffice(t, dialect))
		})
	}
}

func newOffice(t *testing.T, dialect db.Dialect) *office {
	o := &office{t: t, bag: &bag{}, clock: &clock{t: time.Date(2031, 2, 3, 10, 0, 0, 0, time.UTC)}}
	o.db = dbtest.New(t, dialect, migrations.Gateway, dbtest.WithClock(o.clock.Now))
	var err error
	o.order, err = ledger.NewSequencer(ledger.Deps{DB: o.db, Signer: unsigned{}, Issuer: "x", Holder: "x"})
	if err != nil {
		t.Fatal(err)
	}
	admin, approver := models.PersonAdmin, models.PersonApprover
	now := o.clock.Now()
	o.create(&models.Partner{ID: northwind, Kind: models.DirectReseller, Name: "Northwind", State: models.PartnerActive, Epoch: 1, ContactEmail: "sales@northwind.example", CreatedAt: now})
	o.create(&models.Tenant{ID: fabrikam, Name: "Fabrikam", State: models.TenantActive, Epoch: 1, Language: "de", CreatedAt: now})
	o.create(&models.Tenant{ID: adatum, Name: "Adatum", State: models.TenantActive, Epoch: 1, Language: "en", CreatedAt: now})
	for i, p := range []models.Person{
		{TenantID: fabrikam, Email: "ana@fabrikam.example", GivenRole: &admin, State: models.PersonActive},
		{TenantID: fabrikam, Email: "ben@fabrikam.example", ClaimRole: &admin, State: models.PersonActive},
		{TenantID: fabrikam, Email: "app@fabrikam.example", GivenRole: &approver, State: models.PersonActive},
		{TenantID: fabrikam, Email: "gone@fabrikam.example", GivenRole: &admin, State: models.PersonDisabled},
		{TenantID: fabrikam, Email: "", GivenRole: &admin, State: models.PersonActive},
		{TenantID: fabrikam, Email: "x@y.example, evil@evil.example", GivenRole: &admin, State: models.PersonActive},
		{TenantID: adatum, Email: "cy@adatum.example", GivenRole: &admin, State: models.PersonActive},
	} {
		p.ID, p.Issuer, p.Subject, p.CreatedAt = models.PersonID(uuid.NewString()), "https://idp.example", fmt.Sprint(i), now
		o.create(&p)
	}
	o.svc = o.replica()
	o.step() // begins where the ledger ends
	return o
}

func (o *office) create(row any) {
	o.t.Helper()
	if err := o.db.Write().WithContext(o.t.Context()).Create(row).Error; err != nil {
		o.t.Fatal(err)
	}
}

// replica is one more process.
func (o *office) replica() *Service {
	o.t.Helper()
	s, err := New(Deps{
		DB: o.db, Feed: ledger.NewReader(o.db), Carrier: o.bag, From: "devices@contoso.example", Portal: "https://pages.contoso.example",
		NewID: func() string { return uuid.Must(uuid.NewV7()).String() }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

// happens writes an entry about a grant and gives it its place.
func (o *office) happens(kind, subject string, tenant models.TenantID, body map[string]any) {
	o.t.Helper()
	err := o.db.InTx(o.t.Context(), func(ctx context.Context, tx *db.Tx) error {
		return ledger.AddTx(ctx, tx, ledger.Entry{
			Kind: kind, Subject: subject, SubjectID: "30000000-0000-7000-8000-000000000001", PartnerID: northwind, TenantID: tenant,
			Actor: models.ActorCustomer, Body: body,
		})
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.orders()
}

func (o *office) orders() {
	o.t.Helper()
	if _, err := o.order.Step(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) step() {
	o.t.Helper()
	if err := o.svc.Step(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

// taken returns who got which subject since the last time, sorted.
func (o *office) taken() []string {
	o.bag.mu.Lock()
	defer o.bag.mu.Unlock()
	var out []string
	for _, m := range o.bag.got {
		out = append(out, m.To+": "+m.Subject)
	}
	o.bag.got = nil
	return sorted(out)
}

func (o *office) wants(what string, want ...string) {
	o.t.Helper()
	o.step()
	if got := o.taken(); fmt.Sprint(got) != fmt.Sprint(sorted(want)) {
		o.t.Errorf("%s: %q\nwant %q", what, got, sorted(want))
	}
}

func granted() map[string]any {
	return map[string]any{
		"to": "active", "scopes": []string{"devices.register", "devices.remove"}, "until": time.Date(2032, 2, 3, 10, 0, 0, 0, time.UTC),
		"deviceLimit": 500, "purpose": "Rollout, see https://evil.example now",
	}
}

// E7: every admin of the tenant and the partner are told of grant, change, expiry, revoke,
// each once, in the tenant's language.
func TestEveryoneIsTold(t *testing.T) {
	both(t, func(o *office) {
		o.happens(ledger.ConsentGranted, ledger.OfGrant, fabrikam, granted())
		o.step()
		text := ""
		for _, m := range o.bag.got {
			if m.To == "ana@fabrikam.example" {
				text = m.Text
			}
		}
		for _, want := range []string{"Northwind darf Geräte für Fabrikam registrieren", "Rollout, see [Adresse entfernt] now", "Er darf: Geräte registrieren; von ihm", "höchstens 500", "https://pages.contoso.example"} {
			if !strings.Contains(text, want) {
				o.t.Errorf("the mail lacks %q:\n%s", want, text)
			}
		}
		both := func(tenant, partner string) []string {
			return []string{"ana@fabrikam.example: " + tenant, "ben@fabrikam.example: " + tenant, "sales@northwind.example: " + partner}
		}
		o.wants("granted", both("Northwind darf jetzt Geräte für Sie registrieren", "You may now register devices for Fabrikam")...)
		for kind, want := range map[string][]string{
			ledger.ConsentAmended:   both("Die Erlaubnis von Northwind wurde geändert", "Your permission for Fabrikam was changed"),
			ledger.ConsentExpired:   both("Die Erlaubnis von Northwind ist abgelaufen", "Your permission for Fabrikam has ended"),
			ledger.ConsentRevoked:   both("Die Erlaubnis von Northwind wurde widerrufen", "Your permission for Fabrikam was revoked"),
			ledger.ConsentSuspended: both("Die Erlaubnis von Northwind ruht", "Your permission for Fabrikam is suspended"),
			ledger.ConsentRevoking:  nil,
			ledger.RecordClaimed:    nil,
		} {
			o.happens(kind, ledger.OfGrant, fabrikam, granted())
			o.wants(kind, want...)
		}
		o.happens(ledger.ConsentGranted, ledger.OfGrant, adatum, granted())
		o.wants("another tenant", "cy@adatum.example: Northwind may now register devices for you", "sales@northwind.example: You may now register devices for Adatum")
		o.wants("nothing new")
	})
}

// A tenant that blocked a partner hears nothing of its requests, and the partner cannot
// tell; nor whether a tenant is there at all.
func TestRequestsTellNobodyWhoIsThere(t *testing.T) {
	both(t, func(o *office) {
		request := map[string]any{"to": "pending", "tenant": "fabrikam.example", "scopes": []string{"devices.register"}, "until": o.clock.Now()}
		o.happens(ledger.ConsentRequested, ledger.OfRequest, fabrikam, request)
		o.step()
		known := texts(o.bag, "sales@northwind.example")
		o.wants("asked", "ana@fabrikam.example: Northwind möchte Geräte für Sie registrieren", "ben@fabrikam.example: Northwind möchte Geräte für Sie registrieren", "sales@northwind.example: Your request to register devices was sent")
		o.create(&models.ConsentRequest{
			ID: "30000000-0000-7000-8000-000000000001", PartnerID: northwind, TenantRef: "fabrikam.example", State: models.RequestPending, Purpose: "p",
			Scopes: "devices.register", GrantUntil: o.clock.Now(), ExpiresAt: o.clock.Now(), CreatedBy: "p-1", CreatedAt: o.clock.Now(), Muted: true,
		})
		o.happens(ledger.ConsentRequested, ledger.OfRequest, fabrikam, request)
		o.step()
		muted := texts(o.bag, "sales@northwind.example")
		o.wants("asked while blocked", "sales@northwind.example: Your request to register devices was sent")
		o.happens(ledger.ConsentRequested, ledger.OfRequest, "", request)
		o.step()
		unknown := texts(o.bag, "sales@northwind.example")
		if known != muted || known != unknown || known == "" {
			o.t.Errorf("the partner can tell:\n%s\n%s\n%s", known, muted, unknown)
		}
	})
}

func texts(b *bag, to string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := ""
	for _, m := range b.got {
		if m.To == to {
			out += m.Subject + "\n" + m.Text
		}
	}
	return out
}

// Several replicas send each mail once.
func TestReplicasSendEachMailOnce(t *testing.T) {
	both(t, func(o *office) {
		const entries = 12
		for range entries {
			o.happens(ledger.ConsentResumed, ledger.OfGrant, adatum, granted())
		}
		var wg sync.WaitGroup
		for range 3 {
			replica := o.replica()
			wg.Go(func() {
				for range 5 {
					if err := replica.Step(o.t.Context()); err != nil {
						o.t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		seen := map[string]int{}
		for _, m := range o.bag.got {
			seen[m.MessageID]++
		}
		if len(o.bag.got) != 2*entries || len(seen) != 2*entries {
			o.t.Errorf("%d mails with %d ids, want %d", len(o.bag.got), len(seen), 2*entries)
		}
	})
}

// A mail whose answer was lost is sent again under the same id; one that cannot be
// delivered is tried with growing pauses and given up; one that is refused for good is
// not tried again.
func TestDelivery(t *testing.T) {
	both(t, func(o *office) {
		o.bag.fail, o.bag.lose = errors.New("connection reset"), true
		o.happens(ledger.ConsentResumed, ledger.OfGrant, "", granted()) // the partner alone
		o.step()
		o.step() // not before the pause is over
		o.bag.fail = nil
		o.clock.add(firstPause)
		o.step()
		if len(o.bag.got) != 2 || o.bag.got[0].MessageID != o.bag.got[1].MessageID || o.bag.got[0].Text != o.bag.got[1].Text || !o.bag.got[0].Date.Equal(o.bag.got[1].Date) {
			o.t.Fatalf("sent %d times: %+v", len(o.bag.got), o.bag.got)
		}
		o.taken()
		o.clock.add(longestPause)
		o.wants("once it is sent")

		o.bag.fail, o.bag.lose = errors.New("nobody there"), false
		o.happens(ledger.ConsentResumed, ledger.OfGrant, "", granted())
		for range 4 * 24 * 2 {
			o.step()
			o.clock.add(30 * time.Minute)
		}
		if c := o.svc.Counts(); c.Sent != 1 || c.Dead != 1 || c.Retried < 50 || c.Retried > 90 {
			o.t.Errorf("three days of nobody: %+v", c)
		}
		o.bag.fail = &Permanent{errors.New("no such user")}
		o.happens(ledger.ConsentResumed, ledger.OfGrant, "", granted())
		o.step()
		if c := o.svc.Counts(); c.Dead != 2 {
			o.t.Errorf("refused for good: %+v", c)
		}
		o.bag.fail = nil
		o.clock.add(24 * time.Hour)
		o.wants("given up")
		var left []models.Notice
		if err := o.db.Read().WithContext(o.t.Context()).Where("state <> 'ready'").Find(&left).Error; err != nil || len(left) != 3 {
			o.t.Fatalf("%d done, %v", len(left), err)
		}
		for _, n := range left {
			if n.Recipient+n.Subject+n.Body != "" {
				o.t.Errorf("a done mail still holds %+v", n)
			}
		}
		o.clock.add(31 * 24 * time.Hour)
		o.step()
		if n := len(left); o.db.Read().WithContext(o.t.Context()).Find(&left).Error != nil || len(left) != 0 {
			o.t.Errorf("%d of %d done mails are kept for ever", len(left), n)
		}
	})
}

// A process that dies while it sends leaves the mail to another one.
func TestAMailOfADeadProcessIsSent(t *testing.T) {
	both(t, func(o *office) {
		o.happens(ledger.ConsentResumed, ledger.OfGrant, "", granted())
		if _, err := o.svc.collect(o.t.Context()); err != nil {
			o.t.Fatal(err)
		}
		n, err := o.svc.store.due(o.t.Context(), o.clock.Now())
		if err != nil || n == nil {
			o.t.Fatal(err)
		}
		if ok, err := o.svc.store.claim(o.t.Context(), n, o.clock.Now(), o.clock.Now().Add(sendLease)); !ok || err != nil {
			o.t.Fatal(err)
		}
		o.wants("while it may live")
		o.clock.add(sendLease)
		o.wants("afterwards", "sales@northwind.example: Your permission for  is in force again")
		if err := o.svc.note(o.t.Context(), n, o.clock.Now(), errors.New("woke up late")); err != nil {
			o.t.Fatal(err)
		}
		o.clock.add(time.Hour)
		o.wants("after it woke up")
	})
}

// Who switches mail on tells nobody old news, and who was off for long does not either.
func TestOldNewsIsNoNews(t *testing.T) {
	both(t, func(o *office) {
		if err := o.db.Write().WithContext(o.t.Context()).Exec("DELETE FROM notice_cursors").Error; err != nil {
			o.t.Fatal(err)
		}
		o.happens(ledger.ConsentGranted, ledger.OfGrant, adatum, granted())
		o.wants("switched on")
		o.happens(ledger.ConsentGranted, ledger.OfGrant, adatum, granted())
		o.clock.add(4 * 24 * time.Hour)
		o.wants("off for four days")
	})
}

// A permission's end is announced 30, 7 and 1 days before, once each, and not earlier
// than it was given for.
func TestExpiryIsAnnounced(t *testing.T) {
	both(t, func(o *office) {
		give := func(id models.GrantID, tenant models.TenantID, life time.Duration) {
			o.create(&models.Grant{
				ID: id, PartnerID: northwind, TenantID: tenant, State: models.GrantActive, Epoch: 1, Version: 1, Scopes: "devices.register",
				ExpiresAt: o.clock.Now().Add(life), CreatedAt: o.clock.Now(),
			})
		}
		give("40000000-0000-7000-8000-000000000001", adatum, 40*24*time.Hour)
		give("40000000-0000-7000-8000-000000000002", fabrikam, 3*24*time.Hour)
		var days []string
		for range 42 * 4 {
			o.step()
			for _, line := range o.taken() {
				_, when, _ := strings.Cut(line, "Northwind end")
				if when != "" && !strings.HasPrefix(line, "ben@") {
					days = append(days, fmt.Sprintf("%d%s", int(o.clock.Now().Sub(time.Date(2031, 2, 3, 10, 0, 0, 0, time.UTC)).Hours()/24), when))
				}
			}
			o.clock.add(6 * time.Hour)
		}
		if got, want := fmt.Sprint(days), "[2et in 1 Tag 10s in 30 days 33s in 7 days 39s in 1 day]"; got != want {
			o.t.Errorf("announced: %s, want %s", got, want)
		}
	})
}

// Every day the admins read what partners registered the day before.
func TestDigest(t *testing.T) {
	both(t, func(o *office) {
		o.taken()
		done := o.clock.Now()
		for i, kind := range []models.UploadKind{models.UploadRegister, models.UploadRegister, models.UploadRemove} {
			o.create(&models.Upload{
				TrackingID: models.TrackingID(fmt.Sprint("upload", i)), Kind: kind, PartnerID: northwind, TenantID: fabrikam, ClientID: "p-1",
				GrantID: "g", State: models.UploadFinishedWithErrors, StagedOn: done.Truncate(24 * time.Hour), RowCount: 10, ErrorRows: 3,
				CreatedAt: done, AcceptedAt: &done, CompletedAt: &done,
			})
		}
		o.clock.add(15 * time.Hour) // the next day, too early
		o.wants("at night")
		o.clock.add(5 * time.Hour)
		o.step()
		if len(o.bag.got) != 2 || !strings.Contains(o.bag.got[0].Text, "\nNorthwind: 14 Geräte\n") || strings.Contains(o.bag.got[0].Text, "{") {
			o.t.Fatalf("the digest: %+v", o.bag.got)
		}
		o.taken()
		o.svc = o.replica()
		o.clock.add(time.Hour)
		o.wants("again")
	})
}

// A body that cannot be read is told to nobody and stops no other mail.
func TestAnUnreadableEntryStopsNothing(t *testing.T) {
	both(t, func(o *office) {
		o.happens(ledger.ConsentGranted, ledger.OfGrant, adatum, map[string]any{"scopes": "devices.register"})
		o.happens(ledger.ConsentResumed, ledger.OfGrant, adatum, granted())
		o.wants("the other one", "cy@adatum.example: The permission of Northwind is in force again", "sales@northwind.example: Your permission for Adatum is in force again")
	})
}

func TestTermsAreWhatTheLedgerHolds(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(granted())
	if err != nil {
		t.Fatal(err)
	}
	got, err := readTerms(raw)
	if err != nil || *got.DeviceLimit != 500 || len(got.Scopes) != 2 || got.Until.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := readTerms([]byte("[]")); err == nil {
		t.Error("a list was read as terms")
	}
}
