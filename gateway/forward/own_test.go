package forward

import (
	"slices"
	"testing"

	"countersign/consent"
	"countersign/models"
)

// What a tenant does with its own devices goes to the core on its own authority, and
// leaves nothing to settle with consent.
func TestRunOnce_ofATenantItself(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		u := s.uploadOf(t, "", models.UploadReplace, 1)
		s.run(t, true)
		up, rows, _ := s.reload(t, u)
		if up.State != models.UploadFinished || s.gate.used != 0 {
			t.Errorf("upload %v, used %d", up.State, s.gate.used)
		}
		if *rows[0].Replaces != "to-remove" || *rows[0].DeviceID != "device-1" {
			t.Errorf("row %+v: the replacement forgot what went or what came", rows[0])
		}
		if want := (consent.Ask{Client: "t-1", Tenant: sampleTenant, Scope: consent.ScopeOwnDevices}); s.gate.asked != want {
			t.Errorf("asked %+v", s.gate.asked)
		}
		if !slices.Equal(s.core.calls, []string{"replace to-remove"}) {
			t.Errorf("calls %v", s.core.calls)
		}
		if a := s.core.reported[0].Authority; a.Kind != models.ByTenant || a.PartnerID != "" || a.GrantID != "" || a.TenantID != sampleTenant {
			t.Errorf("authority %+v", a)
		}
		s.uploadOf(t, "", models.UploadRegister, 2)
		s.run(t, true)
		if s.gate.used+s.gate.released != 0 {
			t.Error("a tenant's own devices were settled with a grant")
		}
	})
}

// Tenants' own uploads take their turn between the partners.
func TestRunOnce_tenantsTakeTurnsWithPartners(t *testing.T) {
	t.Parallel()
	bothDialects(t, func(t *testing.T, s *stack) {
		s.upload(t, samplePartner, 1)
		s.upload(t, samplePartner, 2)
		s.upload(t, "", 3)
		s.upload(t, "", 4)
		for range 4 {
			s.run(t, true)
		}
		s.run(t, false)
		if want := []string{"register 3", "register 1", "register 4", "register 2"}; !slices.Equal(s.core.calls, want) {
			t.Errorf("calls %v, want %v", s.core.calls, want)
		}
	})
}
