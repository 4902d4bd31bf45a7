package partners_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/partners"
)

func TestCreateTenant_foldsIDAndDomains(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		const id = "ABCDEF01-2345-6789-ABCD-EF0123456789"
		made, err := w.CreateTenant(t.Context(), partners.NewTenant{
			ID: id, Name: "Fabrikam", Domains: []string{" Fabrikam.COM ", "xn--bcher-kva.example", "fabrikam.com", "a.b-c.example"},
		})
		must(t, err)
		got, err := w.Tenant(t.Context(), id)
		must(t, err)
		want := []string{"a.b-c.example", "fabrikam.com", "xn--bcher-kva.example"}
		if got.ID != models.TenantID(strings.ToLower(id)) || !slices.Equal(got.Domains, want) || !slices.Equal(made.Domains, want) {
			t.Errorf("got %+v", got)
		}
		if got.State != models.TenantActive || got.Epoch != 1 || !got.CreatedAt.Equal(start) {
			t.Errorf("got %+v", got)
		}
		generated := w.tenant(t)
		if !models.ValidGUID(string(generated.ID)) {
			t.Errorf("generated id %q", generated.ID)
		}
	})
}

func TestCreateTenant_conflictsLeaveNothingBehind(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		first := w.tenant(t, "fabrikam.com")
		_, err := w.CreateTenant(t.Context(), partners.NewTenant{ID: models.TenantID(strings.ToUpper(string(first.ID))), Name: "x"})
		wantErr(t, err, partners.ErrTenantExists)
		_, err = w.CreateTenant(t.Context(), partners.NewTenant{Name: "x", Domains: []string{"aaa.example", "FABRIKAM.com"}})
		wantErr(t, err, partners.ErrDomainTaken)
		if tenants, domains := w.count(t, "SELECT count(*) FROM tenants"), w.count(t, "SELECT count(*) FROM tenant_domains"); tenants != 1 || domains != 1 {
			t.Errorf("%d tenants and %d domains are stored, want one of each", tenants, domains)
		}
		wins := race(t, 4, partners.ErrDomainTaken, func() error {
			_, err := w.CreateTenant(t.Context(), partners.NewTenant{Name: "x", Domains: []string{"race.example"}})
			return err
		})
		if wins != 1 {
			t.Errorf("%d tenants took one domain", wins)
		}
	})
}

func TestCreateTenant_refusesBadInput(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for _, domain := range []string{
			"", "com", "a..b", ".a.b", "a.b.", "-a.example", "a-.example", "a_b.example", "bücher.example", "a b.example",
			"127.0.0.1", "http://a.example", "a.example/x", "a.example:80", "*.example.com", "a\x00.example",
			strings.Repeat("a", 64) + ".example", strings.Repeat("abcdefg.", 32) + "example",
		} {
			_, err := w.CreateTenant(t.Context(), partners.NewTenant{Name: "x", Domains: []string{domain}})
			wantErr(t, err, partners.ErrInvalid)
		}
		for _, id := range []models.TenantID{"x", "00000000-0000-0000-0000-000000000000", "0190a0b0-0000-7000-8000-00000000000", "{0190a0b0-0000-7000-8000-000000000001}"} {
			_, err := w.CreateTenant(t.Context(), partners.NewTenant{ID: id, Name: "x"})
			wantErr(t, err, partners.ErrInvalid)
		}
		_, err := w.CreateTenant(t.Context(), partners.NewTenant{Domains: []string{"x", "y"}, ID: "z"})
		if fields := errs.From(err).Fields; len(fields) != 3 {
			t.Errorf("got %v, want one complaint each about name, id and domains", fields)
		}
		if n := w.count(t, "SELECT count(*) FROM tenants"); n != 0 {
			t.Errorf("%d tenants are stored", n)
		}
	})
}

func TestTenants_listCarriesDomains(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		a, b := w.tenant(t, "a.example", "b.example"), w.tenant(t)
		items, next, err := w.Tenants(t.Context(), partners.Page{Limit: 1})
		must(t, err)
		if len(items) != 1 || items[0].ID != a.ID || len(items[0].Domains) != 2 || next == "" {
			t.Fatalf("got %+v", items)
		}
		items, next, err = w.Tenants(t.Context(), partners.Page{Cursor: next})
		must(t, err)
		if len(items) != 1 || items[0].ID != b.ID || len(items[0].Domains) != 0 || next != "" {
			t.Errorf("got %+v", items)
		}
	})
}
