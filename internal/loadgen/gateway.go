package loadgen

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"countersign/consent"
	"countersign/gateway/forward"
	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration"
)

// site is a gateway with its core in one process, on databases of its own.
type site struct {
	gateway, core *db.DB
	registrar     *registration.Registrar
	consent       *consent.Service
	forward       *forward.Forwarder
}

// site makes an empty gateway and core.
func (r *run) site(ctx context.Context) (*site, error) {
	s, err := r.start(ctx)
	if err != nil {
		return nil, err
	}
	out := &site{}
	for _, one := range []struct {
		name string
		set  migrations.Set
		into **db.DB
	}{{"gateway", migrations.Gateway, &out.gateway}, {"core", migrations.Core, &out.core}} {
		name := fmt.Sprintf("loadgen_site_%s_%d_%d", one.name, len(s.made), time.Now().UnixMilli())
		if err := s.create(ctx, name, "template0"); err != nil {
			return nil, err
		}
		d, err := db.Open(ctx, db.Config{URL: s.urlOf(name), MaxConns: 16})
		if err != nil {
			return nil, err
		}
		*one.into = d
		if err := d.Migrate(ctx, one.set); err != nil {
			return nil, err
		}
	}
	log := slog.New(slog.DiscardHandler)
	out.registrar = registration.New(out.core, newID, log)
	out.consent = consent.New(consent.Deps{DB: out.gateway, Sink: out.registrar, Logger: log, NewID: newID})
	out.forward = forward.New(forward.Deps{
		DB: out.gateway, Core: out.registrar, Gate: out.consent, Now: time.Now, Worker: "loadgen", Logger: log,
		Settings: forward.Settings{Workers: workers},
	})
	return out, nil
}

func (s *site) close() {
	for _, d := range []*db.DB{s.gateway, s.core} {
		if d != nil {
			_ = d.Close()
		}
	}
}

// partner is the one whose uploads are measured.
var (
	partner = models.PartnerID(stableID("partner", 0))
	lineID  = models.ClientID("p-" + string(partner)[:8])
)

func tenantOf(n int) models.TenantID { return models.TenantID(stableID("tenant", n)) }
func grantOf(n int) models.GrantID   { return models.GrantID(stableID("grant", n)) }

// people makes the partner and tenants that have agreed.
func (s *site) people(ctx context.Context, tenants int) error {
	now := time.Now()
	return s.gateway.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		rows := []any{
			&models.Partner{ID: partner, Kind: models.OEM, Name: "Load", State: models.PartnerActive, Epoch: 1, CreatedAt: now},
			&models.OAuthClient{
				ID: lineID, OwnerKind: models.OwnerPartner, PartnerID: &[]models.PartnerID{partner}[0], Name: "line",
				AuthMethod: models.ClientSecretBasic, Profile: models.ProfileLegacy, State: models.ClientActive, Epoch: 1, CreatedAt: now,
			},
		}
		for n := range tenants {
			rows = append(rows,
				&models.Tenant{ID: tenantOf(n), Name: fmt.Sprintf("Tenant %d", n), State: models.TenantActive, Epoch: 1, CreatedAt: now},
				&models.Grant{
					ID: grantOf(n), PartnerID: partner, TenantID: tenantOf(n), State: models.GrantActive, Epoch: 1,
					Scopes: consent.GrantScopeDevicesRegister, ExpiresAt: now.Add(24 * time.Hour), CreatedAt: now,
				})
		}
		for _, row := range rows {
			if err := tx.Gorm().WithContext(ctx).Create(row).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// accepting is an intake on the site that asks about consent as given.
func (s *site) accepting(c intake.Consent, q intake.Queue) *intake.Service {
	return intake.New(intake.Deps{
		DB: s.gateway, Consent: c, Directory: nobody{}, Budget: nobody{}, Probing: nobody{}, Queue: q, NewID: newID,
		Logger: slog.New(slog.DiscardHandler),
	})
}

// nobody has no budget, knows no domain and watches for nothing.
type nobody struct{}

// HasDomain implements intake.Directory.
func (nobody) HasDomain(context.Context, models.TenantID, string) (bool, error) { return true, nil }

// PartnerNamed implements intake.Directory.
func (nobody) PartnerNamed(context.Context, string) (models.PartnerID, bool, error) {
	return "", false, nil
}

// Spend implements intake.Budget.
func (nobody) Spend(context.Context, models.PartnerID, models.TenantID, int) (func(context.Context) error, error) {
	return func(context.Context) error { return nil }, nil
}

// MayGuess implements intake.Probing.
func (nobody) MayGuess(context.Context, models.PartnerID) error { return nil }

// Count implements intake.Probing.
func (nobody) Count(context.Context, models.PartnerID, int, int) error { return nil }

// upload is a body of n devices, named as a manufacturer names them.
type upload struct{ n, given, from int }

// Next implements intake.Source.
func (u *upload) Next() (intake.Row, error) {
	if u.given == u.n {
		return intake.Row{}, io.EOF
	}
	u.given++
	return intake.Row{SerialNumber: fmt.Sprintf("L%010d", u.from+u.given), Manufacturer: "Load", Model: "Test"}, nil
}

// BatchName implements intake.Source.
func (*upload) BatchName() string { return newID() }

// Digest implements intake.Source.
func (*upload) Digest() []byte { return nil }

// send has one upload of n devices accepted for a tenant.
func send(ctx context.Context, to *intake.Service, tenant, n, from int) error {
	call := intake.Call{
		Caller: intake.Caller{PartnerID: partner, PartnerKind: models.OEM, ClientID: lineID}, Tenant: tenantOf(tenant),
		Method: "POST", Path: "/load", MaxRows: n,
	}
	_, err := to.Accept(ctx, call, &upload{n: n, from: from})
	return err
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
