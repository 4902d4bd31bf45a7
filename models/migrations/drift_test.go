package migrations_test

import (
	"testing"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
)

func TestGatewaySchemaIsWhatTheStructsSay(t *testing.T) {
	t.Parallel()
	dbtest.CheckDrift(
		t, migrations.Gateway,
		&models.Partner{}, &models.Tenant{}, &models.TenantDomain{}, &models.OAuthClient{}, &models.ClientSecret{}, &models.RevokedToken{}, &models.ClientSource{},
		&models.UsedAssertion{}, &models.ConsentRequest{}, &models.ConsentAsker{}, &models.PartnerBlock{}, &models.ConsentDecision{}, &models.Grant{}, &models.ConsentEvent{}, &models.Fence{},
		&models.LedgerEntry{}, &models.LedgerInbox{}, &models.LedgerLink{}, &models.LedgerChain{}, &models.LedgerCheckpoint{}, &models.LedgerLease{},
		&models.GrantVersion{}, &models.PartnerLink{},
		&models.Batch{}, &models.Upload{}, &models.UploadRow{}, &models.UploadHash{}, &models.UploadReference{}, &models.Dispatch{}, &models.IdempotencyKey{},
		&models.Person{}, &models.TenantSignIn{}, &models.TenantInvitation{}, &models.SignInAttempt{}, &models.PersonSession{}, &models.DomainChallenge{},
		&models.Notice{}, &models.NoticeCursor{}, &models.PartialFile{}, &models.FilePart{},
	)
}

func TestCoreSchemaIsWhatTheStructsSay(t *testing.T) {
	t.Parallel()
	dbtest.CheckDrift(
		t, migrations.Core,
		&models.IDSeries{}, &models.Identity{}, &models.IdentityHash{}, &models.IdentityKey{}, &models.Registration{},
		&models.RegistrationAnchor{}, &models.StoredAnswer{}, &models.CoreFence{}, &models.DeviceEvent{},
		&models.FactoryStatement{}, &models.AttentionCase{}, &models.CaseCapture{}, &models.CaseParty{}, &models.SettledPair{},
		&models.MissedKey{},
	)
}

// Every migration can be taken back and applied again.
func TestUpDownUp(t *testing.T) {
	t.Parallel()
	for _, set := range []migrations.Set{migrations.Gateway, migrations.Core} {
		dbtest.Run(t, set, func(t *testing.T, d *db.DB) {
			if err := d.MigrateDown(t.Context(), set); err != nil {
				t.Fatalf("down: %v", err)
			}
			if err := d.Migrate(t.Context(), set); err != nil {
				t.Fatalf("up again: %v", err)
			}
			current, newest, err := d.Version(t.Context(), set)
			if err != nil || current != newest {
				t.Errorf("version %d of %d, %v", current, newest, err)
			}
		})
	}
}
