package signin

import (
	"context"

	"countersign/internal/ledger"
	"countersign/models"
)

// What happens to a tenant and its people stands in the ledger, for the tenant to read.
// Names and addresses do not: they may have to be forgotten, and the ledger forgets
// nothing. Issuer and subject do, because they are who it was.

// note writes an entry in this transaction.
func (t change) note(ctx context.Context, e ledger.Entry) error {
	e.At = t.now
	return ledger.AddTx(ctx, t.tx, e)
}

func ofTenant(kind string, tenant models.TenantID, by By, body map[string]any) ledger.Entry {
	return ledger.Entry{
		Kind: kind, Subject: ledger.OfTenant, SubjectID: string(tenant), TenantID: tenant,
		Actor: by.Kind, ActorID: by.ID, RequestID: by.RequestID, Body: body,
	}
}

func ofPerson(kind string, p models.Person, by By) ledger.Entry {
	return ledger.Entry{
		Kind: kind, Subject: ledger.OfPerson, SubjectID: string(p.ID), TenantID: p.TenantID,
		Actor: by.Kind, ActorID: by.ID, RequestID: by.RequestID,
		Body: map[string]any{"issuer": p.Issuer, "subject": p.Subject, "role": p.Role, "state": p.State},
	}
}

// byProvider is somebody whose provider spoke for it.
func byProvider(p models.Person) By { return By{Kind: models.ActorCustomer, ID: string(p.ID)} }

func personAdded(p models.Person) ledger.Entry {
	return ofPerson(ledger.PersonAdded, p, byProvider(p))
}

func personChanged(p models.Person, by By) ledger.Entry {
	return ofPerson(ledger.PersonChanged, p, by)
}

func tenantRegistered(t models.Tenant, who identity) ledger.Entry {
	return ofTenant(ledger.TenantCreated, t.ID, By{Kind: models.ActorCustomer, ID: who.subject}, map[string]any{
		"idProof": models.IDProven, "issuer": who.issuer,
	})
}

func tenantProven(t models.Tenant, who identity) ledger.Entry {
	return ofTenant(ledger.TenantChanged, t.ID, By{Kind: models.ActorCustomer, ID: who.subject}, map[string]any{
		"change": "idProven", "issuer": who.issuer,
	})
}

func tenantClaimed(p models.Person, invited bool, ended []models.ClientID) ledger.Entry {
	return ofTenant(ledger.TenantClaimed, p.TenantID, byProvider(p), map[string]any{
		"issuer": p.Issuer, "subject": p.Subject, "byInvitation": invited, "rightsEnded": ended,
	})
}
