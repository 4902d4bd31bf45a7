package main

import (
	"testing"

	"countersign/internal/db"
	"countersign/models"
	"countersign/partners"
)

// A person removes a device through a client of the tenant's that is made when it is first
// needed, and once.
func TestRemover_makesItsClientOnce(t *testing.T) {
	in := newInstallation(t, db.SQLite)
	remove := &remover{registry: in.s.registry, uploads: in.s.uploads}
	first, err := remove.clientOf(t.Context(), in.tenant)
	if err != nil {
		t.Fatal(err)
	}
	again, err := remove.clientOf(t.Context(), in.tenant)
	if err != nil || again != first {
		t.Errorf("the second time %q, %v, want %q", again, err, first)
	}
	found, _, err := in.s.registry.Clients(t.Context(), partners.ClientFilter{Owner: models.OwnerTenant, TenantID: in.tenant})
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range found {
		if client.ID == first && client.HasScope("devices.write") {
			t.Errorf("the client may change devices by itself: %s", client.Scopes)
		}
	}
}
