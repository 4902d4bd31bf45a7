package partners_test

import (
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/partners"
)

// A partner makes, renews and freezes its own clients, and those of nobody else.
func TestOwnClients(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		mine, other := w.partner(t, "Contoso"), w.partner(t, "Northwind")
		foreign, _ := w.client(t, other.ID)
		manager := partners.Manager{Partner: mine.ID, Scopes: []string{"devices.read", "devices.write", "clients.manage"}}
		made, secret, err := w.NewOwnClient(t.Context(), manager, partners.NewClient{Name: "line 3", Method: models.ClientSecretBasic, PartnerID: other.ID, TenantID: "x"})
		must(t, err)
		if secret == "" || made.PartnerID == nil || *made.PartnerID != mine.ID || made.HasScope("clients.manage") || !made.HasScope("devices.read") {
			t.Errorf("made %+v", made)
		}
		_, _, err = w.NewOwnClient(t.Context(), manager, partners.NewClient{Name: "another manager", Method: models.ClientSecretBasic, Scopes: []string{"devices.read", "clients.manage"}})
		wantErr(t, err, partners.ErrInvalid)

		again, err := w.RotateOwnSecret(t.Context(), manager, made.ID, time.Hour)
		must(t, err)
		secrets, err := w.OwnSecrets(t.Context(), mine.ID, made.ID)
		must(t, err)
		if again == secret || len(secrets) != 2 || secrets[0].ExpiresAt != nil || secrets[1].ExpiresAt == nil || !secrets[1].ExpiresAt.Equal(start.Add(time.Hour)) {
			t.Errorf("secrets %+v", secrets)
		}
		keyed, _, err := w.NewOwnClient(t.Context(), manager, partners.NewClient{Name: "keys", Method: models.PrivateKeyJWT, JWKS: "keys 1", Profile: models.ProfileStrict})
		must(t, err)
		if changed, err := w.SetOwnKeys(t.Context(), manager, keyed.ID, "keys 2", ""); err != nil || text(changed.JWKS) != "checked keys 2" {
			t.Errorf("keys %q, %v", text(changed.JWKS), err)
		}
		self, _, err := w.NewOwnClient(t.Context(), manager, partners.NewClient{Name: "certificate", Method: models.SelfSignedTLSClientAuth, Certificates: "keys 1"})
		must(t, err)
		if changed, err := w.SetOwnKeys(t.Context(), manager, self.ID, "", "keys 2"); err != nil || text(changed.JWKS) != "checked keys 2" {
			t.Errorf("certificates %q, %v", text(changed.JWKS), err)
		}
		for name, id := range map[string]models.ClientID{"of a secret": made.ID, "with certificates": self.ID} {
			_, err := w.SetOwnKeys(t.Context(), manager, id, "keys 3", "")
			t.Log(name)
			wantErr(t, err, partners.ErrInvalid)
		}

		frozen, err := w.SwitchOwnClient(t.Context(), mine.ID, made.ID, true)
		must(t, err)
		if frozen.State != models.ClientFrozen || frozen.FrozenBy == nil || *frozen.FrozenBy != models.OwnerPartner || frozen.Epoch != made.Epoch+1 {
			t.Errorf("frozen %+v", frozen)
		}
		_, err = w.SwitchOwnClient(t.Context(), mine.ID, made.ID, true)
		wantErr(t, err, partners.ErrWrongState)
		if active, err := w.SwitchOwnClient(t.Context(), mine.ID, made.ID, false); err != nil || active.State != models.ClientActive || active.FrozenBy != nil {
			t.Errorf("unfrozen %+v, %v", active, err)
		}
		_, err = w.FreezeClient(t.Context(), made.ID)
		must(t, err)
		_, err = w.SwitchOwnClient(t.Context(), mine.ID, made.ID, false)
		wantErr(t, err, partners.ErrFrozenByOperator)
		if _, err = w.UnfreezeClient(t.Context(), made.ID); err != nil {
			t.Error(err)
		}

		// A manager that may only read neither makes a client that writes nor learns the secret of one.
		narrow := partners.Manager{Partner: mine.ID, Scopes: []string{"devices.read", "clients.manage"}}
		_, _, err = w.NewOwnClient(t.Context(), narrow, partners.NewClient{Name: "wider", Method: models.ClientSecretBasic, Scopes: []string{"devices.read", "devices.write"}})
		wantErr(t, err, partners.ErrWider)
		_, err = w.RotateOwnSecret(t.Context(), narrow, made.ID, 0)
		wantErr(t, err, partners.ErrWider)
		_, err = w.SetOwnKeys(t.Context(), narrow, keyed.ID, "keys 9", "")
		wantErr(t, err, partners.ErrWider)
		if reader, _, err := w.NewOwnClient(t.Context(), narrow, partners.NewClient{Name: "reader", Method: models.ClientSecretBasic}); err != nil || reader.Scopes != "devices.read" {
			t.Errorf("made %q, %v", reader.Scopes, err)
		}

		// What is another's, or nobody's, looks the same.
		for _, id := range []models.ClientID{foreign.ID, "p-0190a0b0-0000-7000-8000-0000000000ff", "x"} {
			_, err1 := w.OwnClient(t.Context(), mine.ID, id)
			_, err2 := w.OwnSecrets(t.Context(), mine.ID, id)
			_, err3 := w.RotateOwnSecret(t.Context(), manager, id, 0)
			_, err4 := w.SetOwnKeys(t.Context(), manager, id, "keys", "")
			_, err5 := w.SwitchOwnClient(t.Context(), mine.ID, id, true)
			_, err6 := w.SwitchOwnClient(t.Context(), mine.ID, id, false)
			for i, err := range []error{err1, err2, err3, err4, err5, err6} {
				if errs.From(err).Code != "client_not_found" {
					t.Errorf("call %d of %s: %v", i+1, id, err)
				}
			}
		}
		if untouched, err := w.Client(t.Context(), foreign.ID); err != nil || untouched.State != models.ClientActive {
			t.Errorf("another's client is %+v, %v", untouched, err)
		}
	})
}

func TestEndingClients(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p := w.partner(t, "Contoso")
		for name, life := range map[string]time.Duration{"a": 12 * time.Hour, "b": 3 * 24 * time.Hour, "c": 20 * 24 * time.Hour, "d": 90 * 24 * time.Hour, "e": 0} {
			in := partnerClient(p.ID)
			in.Name = name
			if life > 0 {
				in.ExpiresAt = ptr(start.Add(life))
			}
			_, _, err := w.CreateClient(t.Context(), in)
			must(t, err)
		}
		day := 24 * time.Hour
		found, err := w.EndingClients(t.Context(), 30*day, 7*day, day)
		must(t, err)
		if len(found) != 3 || found[0].Count != 3 || found[1].Count != 2 || found[2].Count != 1 {
			t.Errorf("found %+v", found)
		}
	})
}
