package partners

import (
	"context"
	"fmt"

	"countersign/internal/ledger"
	"countersign/models"
)

// By is who changes the register.
type By struct {
	Kind      models.ActorKind
	ID        string // client id, person id or the operator's name
	RequestID string // of the HTTP request; empty for a command
}

type byKey struct{}

// Acting names who changes the register in calls with the context it returns. Without
// it the change is an operator's command on this machine.
func Acting(ctx context.Context, by By) context.Context { return context.WithValue(ctx, byKey{}, by) }

// ActingOf is who changes the register in calls with this context.
func ActingOf(ctx context.Context) By {
	if by, ok := ctx.Value(byKey{}).(By); ok {
		return by
	}
	return By{Kind: models.ActorOperator, ID: "countersignd admin"}
}

// note writes a change into the ledger, in the transaction of the change.
func (t change) note(ctx context.Context, e ledger.Entry) error {
	by := ActingOf(ctx)
	e.Actor, e.ActorID, e.RequestID, e.At = by.Kind, by.ID, by.RequestID, t.now
	return ledger.AddTx(ctx, t.tx, e)
}

// Bodies of the entries. They are read by others, so the names are part of the
// interface.
type (
	notedPartner struct {
		Kind    models.PartnerKind  `json:"kind"`
		Name    string              `json:"name"`
		State   models.PartnerState `json:"state"`
		Budgets notedBudgets        `json:"budgets"`
	}
	// notedBudgets are 0 where the server's default holds.
	notedBudgets struct {
		DevicesPerHour       int64 `json:"devicesPerHour,omitzero"`
		TenantDevicesPerHour int64 `json:"tenantDevicesPerHour,omitzero"`
		RequestsPerMinute    int64 `json:"requestsPerMinute,omitzero"`
	}
	notedTenant struct {
		Name    string             `json:"name"`
		State   models.TenantState `json:"state"`
		Domains []string           `json:"domains,omitzero"`
	}
	notedClient struct {
		Owner   models.OwnerKind        `json:"owner"`
		Name    string                  `json:"name"`
		State   models.ClientState      `json:"state"`
		Scopes  string                  `json:"scopes"`
		Method  models.ClientAuthMethod `json:"authMethod"`
		Changed string                  `json:"changed,omitzero"` // "secret" or "keys"; what they are is never told
	}
)

func (t change) notePartner(ctx context.Context, kind string, p models.Partner) error {
	return t.note(ctx, ledger.Entry{
		Kind: kind, Subject: ledger.OfPartner, SubjectID: string(p.ID), PartnerID: p.ID,
		Body: notedPartner{Kind: p.Kind, Name: p.Name, State: p.State, Budgets: notedBudgets{
			orDefault(p.DevicesPerHour), orDefault(p.TenantDevicesPerHour), orDefault(p.RequestsPerMinute),
		}},
	})
}

func orDefault(budget *int64) int64 {
	if budget == nil {
		return 0
	}
	return *budget
}

func (t change) noteTenant(ctx context.Context, kind string, tenant models.Tenant, domains []string) error {
	return t.note(ctx, ledger.Entry{
		Kind: kind, Subject: ledger.OfTenant, SubjectID: string(tenant.ID), TenantID: tenant.ID,
		Body: notedTenant{Name: tenant.Name, State: tenant.State, Domains: domains},
	})
}

// noteClient tells of a client in the feed of its owner; an operator's is in nobody's.
func (t change) noteClient(ctx context.Context, kind string, c models.OAuthClient, changed string) error {
	e := ledger.Entry{
		Kind: kind, Subject: ledger.OfClient, SubjectID: string(c.ID),
		Body: notedClient{Owner: c.OwnerKind, Name: c.Name, State: c.State, Scopes: c.Scopes, Method: c.AuthMethod, Changed: changed},
	}
	if c.PartnerID != nil {
		e.PartnerID = *c.PartnerID
	}
	if c.TenantID != nil {
		e.TenantID = *c.TenantID
	}
	return t.note(ctx, e)
}

// noteTurn tells that a switch was turned: it reads what the switch is over.
func (t change) noteTurn(ctx context.Context, s switchOf) error {
	switch s.kind {
	case models.SubjectOfPartner:
		p, err := t.partner(models.PartnerID(s.id))
		if err != nil {
			return err
		}
		return t.notePartner(ctx, pick(s.stop, ledger.PartnerSuspended, ledger.PartnerResumed), p)
	case models.SubjectOfTenant:
		tenant, err := t.tenant(models.TenantID(s.id))
		if err != nil {
			return err
		}
		return t.noteTenant(ctx, pick(s.stop, ledger.TenantSuspended, ledger.TenantResumed), tenant, nil)
	case models.SubjectOfClient:
		c, err := t.client(models.ClientID(s.id))
		if err != nil {
			return err
		}
		return t.noteClient(ctx, pick(s.stop, ledger.ClientFrozen, ledger.ClientUnfrozen), c, "")
	}
	return fmt.Errorf("there is no word for a switch over a %s", s.kind)
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
