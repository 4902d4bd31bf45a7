package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/db"
	"countersign/internal/dbtest"
)

// The end of a grant names the last device let through, which the list of its devices
// shows too. Devices stay registered, and the partner goes on seeing its outcomes.
func TestRevoke_namesTheLastDeviceAndKeepsThemAll(t *testing.T) {
	t.Parallel()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, d)
			r := s.start()
			p := newPeople(t, s)
			grant := p.agree(r, p.tenant, p.customer)
			reseller, customer := p.as(r, p.reseller), p.as(r, p.customer)
			sent := p.send(reseller, p.delivery(p.tenant, 10))
			p.outcome(reseller, p.tenant, sent.TrackingID, 30*time.Second)

			preview, err := customer.PreviewEnd(t.Context(), grant)
			if err != nil || preview.DevicesThatStay != 10 || preview.WaitingDevices != 0 {
				t.Errorf("preview %+v, %v", preview, err)
			}
			ended, err := customer.ChangeConsent(t.Context(), grant, client.Revoke, "")
			if err != nil || ended.State != "revoked" || ended.Revocation.Last == nil {
				t.Fatalf("revoke: %+v, %v", ended, err)
			}
			found, _, err := client.Collect(customer.Devices(t.Context(), client.DeviceFilter{Grant: grant, State: "active"}), 100)
			if err != nil || len(found) != 10 {
				t.Fatalf("%d devices stay, %v", len(found), err)
			}
			last := ended.Revocation.Last
			if last.DeviceID != found[0].ID || last.TrackingID != sent.TrackingID || last.RegisteredAt.After(*ended.Revocation.Moment) {
				t.Errorf("the last device is %+v, the newest of the list %+v", last, found[0])
			}
			status := p.outcome(reseller, p.tenant, sent.TrackingID, 5*time.Second)
			if len(status.DevicesStatus) != 10 {
				t.Errorf("the partner sees %d outcomes after the revoke", len(status.DevicesStatus))
			}
		})
	}
}

// What a customer narrows holds for the next upload, and for what waits.
func TestNarrowedGrant_holdsForTheNextUpload(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.start()
	p := newPeople(t, s)
	grant := p.agree(r, p.tenant, p.customer)
	reseller, customer := p.as(r, p.reseller), p.as(r, p.customer)
	narrow, err := customer.AmendConsent(t.Context(), grant, wire.ConsentChange{DeviceLimit: ptrTo(int64(3)), GroupTags: []string{"Sales"}, Reason: "one order"})
	if err != nil || narrow.Version != 2 || *narrow.Devices.Left != 3 {
		t.Fatalf("amend: %+v, %v", narrow, err)
	}
	codes := func(tag string, n int) string {
		sent := p.delivery(p.tenant, n)
		sent.Order.GroupTag = tag
		status := p.outcome(reseller, p.tenant, p.send(reseller, sent).TrackingID, 30*time.Second)
		var out []string
		for _, row := range status.DevicesStatus {
			out = append(out, codeOf(row))
		}
		return strings.Join(out, ",")
	}
	if got := codes("Lab", 1); got != "9002" {
		t.Errorf("another group tag: %s", got)
	}
	if got := codes("Sales", 4); got != ",,,9002" {
		t.Errorf("four of three: %s", got)
	}
	if _, err := customer.AmendConsent(t.Context(), grant, wire.ConsentChange{DeviceLimit: ptrTo(int64(9))}); err == nil {
		t.Error("a client widened")
	}
	versions, _, err := client.Collect(reseller.ConsentVersions(t.Context(), grant), 0)
	if err != nil || len(versions) != 2 || versions[1].Change != "narrowed" {
		t.Errorf("versions %+v, %v", versions, err)
	}
}

func ptrTo[T any](v T) *T { return &v }

// G5: a gateway that is put back to before a revoke does not bring the grant back: the
// core knows better, and the comparison at the start believes it.
func TestRestoredGateway_doesNotBringAGrantBack(t *testing.T) {
	t.Parallel()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, d)
			s.core = dbtest.URL(t, d) // of its own, so that the gateway's can be restored alone
			r := s.start()
			p := newPeople(t, s)
			grant := p.agree(r, p.tenant, p.customer)
			stop(t, r)
			restore := s.backup()

			r = s.start()
			ended, err := p.as(r, p.customer).ChangeConsent(t.Context(), grant, client.Revoke, "")
			if err != nil || ended.State != "revoked" {
				t.Fatalf("revoke: %+v, %v", ended, err)
			}
			stop(t, r)
			restore()

			r = s.start()
			customer := p.as(r, p.customer)
			await(t, 60*time.Second, "the grant ends again", func(ctx context.Context) bool {
				now, err := customer.Consent(ctx, grant)
				return err == nil && now.State == "revoked" && now.Ended.By == "system"
			})
			_, err = p.as(r, p.reseller).Submit(t.Context(), p.delivery(p.tenant, 1).Submission)
			refusedWithoutConsent(t, err)
		})
	}
}

func stop(t *testing.T, r *replica) {
	t.Helper()
	if err := r.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
}

// backup copies the gateway's database while no server runs; what it returns puts it
// back.
func (s *site) backup() (restore func()) {
	s.t.Helper()
	if file, ok := strings.CutPrefix(s.gateway, "sqlite:"); ok {
		kept := s.t.TempDir()
		s.copyFiles(filepath.Dir(file), filepath.Base(file), kept)
		return func() { s.copyFiles(kept, filepath.Base(file), filepath.Dir(file)) }
	}
	at, err := url.Parse(s.gateway)
	if err != nil {
		s.t.Fatal("the database's URL is unreadable")
	}
	name := strings.TrimPrefix(at.Path, "/")
	at.Path = "/" + name + "_kept"
	aside := &site{t: s.t, gateway: dbtest.URL(s.t, db.Postgres)}
	pg := aside.postgres()
	s.t.Cleanup(func() { _, _ = pg.Exec(fmt.Sprintf(`DROP DATABASE IF EXISTS "%s_kept" WITH (FORCE)`, name)) })
	if _, err := pg.Exec(fmt.Sprintf(`CREATE DATABASE "%s_kept" TEMPLATE "%s"`, name, name)); err != nil {
		s.t.Fatal(err)
	}
	return func() { s.gateway = at.String() }
}

// copyFiles copies a database with its journal in place of the one that is there.
func (s *site) copyFiles(from, name, to string) {
	s.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(filepath.Join(to, name+suffix))
		content, err := os.ReadFile(filepath.Join(from, name+suffix))
		if os.IsNotExist(err) && suffix != "" {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name+suffix), content, 0o600)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}
