package partners_test

import (
	"strings"
	"testing"

	"countersign/models"
	"countersign/partners"
)

func TestHasDomain(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		tenant, other := w.tenant(t, "fabrikam.example"), w.tenant(t, "contoso.example")
		for _, tc := range []struct {
			of     models.TenantID
			domain string
			want   bool
		}{
			{tenant.ID, "fabrikam.example", true},
			{tenant.ID, " FABRIKAM.example ", true},
			{tenant.ID, "contoso.example", false},
			{other.ID, "fabrikam.example", false},
			{tenant.ID, "", false},
			{tenant.ID, "a\x00.example", false},
			{tenant.ID, "%", false},
			{"nobody", "fabrikam.example", false},
		} {
			if got, err := w.HasDomain(t.Context(), tc.of, tc.domain); err != nil || got != tc.want {
				t.Errorf("%s of %s: %v, %v", tc.domain, tc.of, got, err)
			}
		}
	})
}

func TestPartnerNamed(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		make := func(name, mpn string) models.PartnerID {
			made, err := w.CreatePartner(t.Context(), partners.NewPartner{Kind: models.DirectReseller, Name: name, MPNID: mpn})
			must(t, err)
			return made.ID
		}
		a, b := make("a", "4711001"), make("b", "")
		make("twin 1", "4711002")
		make("twin 2", "4711002")
		for ref, want := range map[string]models.PartnerID{
			string(a): a, strings.ToUpper(string(b)): b, "4711001": a, " 4711001 ": a,
			"4711002": "", "a": "", "": "", "\x00": "", "0190a0b0-0000-7000-8000-000000000001": "", strings.Repeat("4", 65): "",
		} {
			got, ok, err := w.PartnerNamed(t.Context(), ref)
			if err != nil || ok != (want != "") || ok && got != want {
				t.Errorf("%q: %q, %v, %v", ref, got, ok, err)
			}
		}
	})
}
