package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
)

// While every connection of the bulk path is taken, consent is revoked and uploads are
// looked at as if nothing were.
func TestPools_bulkKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, db.Postgres)
	open := func(set migrations.Set, url string, most int) *db.DB {
		d, err := db.Open(t.Context(), db.Config{URL: url, MaxConns: most})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		if err := d.Migrate(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		return d
	}
	const most = 3
	d := &databases{gateway: open(migrations.Gateway, url, 4), bulk: open(migrations.Gateway, url, most), core: dbtest.New(t, db.Postgres, migrations.Core)}
	in := newInstallationOn(t, d)
	g := in.grant()
	up := in.mustSubmit("before", in.fakes(1))
	held, release := make(chan struct{}, most), make(chan struct{})
	done := make(chan error, most)
	for range most {
		go func() {
			done <- d.bulk.InTx(context.Background(), func(context.Context, *db.Tx) error {
				held <- struct{}{}
				<-release
				return nil
			})
		}()
	}
	for range most {
		<-held
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, _, err := in.s.reader.BatchJobStatus(ctx, intake.Scope{Partner: in.caller.PartnerID}, up); err != nil {
		t.Errorf("a look: %v", err)
	}
	if got, err := in.s.consent.Revoke(ctx, in.owner, g.ID, "over"); err != nil || !got.Done {
		t.Errorf("a revoke: %+v, %v", got, err)
	}
	if _, err := in.s.consent.Check(ctx, consent.Ask{Partner: in.caller.PartnerID, Client: in.caller.ClientID, Tenant: in.tenant, Scope: intake.ScopeRegister}); !errors.Is(err, consent.ErrNoConsent) {
		t.Errorf("consent afterwards: %v", err)
	}
	close(release)
	for range most {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
