package client

import (
	"context"
	"iter"
	"net/url"

	"countersign/gateway/wire"
)

// ConsentFilter narrows a list of consents; empty fields do not.
type ConsentFilter struct {
	State   string // a state of requests or grants
	Tenant  string // for partners and operators
	Partner string // for customers and operators
}

// Consents lists requests and grants, the newest first. A granted request is shown
// as its grant.
func (c *Client) Consents(ctx context.Context, f ConsentFilter) iter.Seq2[wire.Consent, error] {
	query := url.Values{}
	set(query, "state", f.State)
	set(query, "tenant", f.Tenant)
	set(query, "partner", f.Partner)
	return items[wire.Consent](ctx, c, "/v1/consents", query)
}

// Consent reads a request or grant.
func (c *Client) Consent(ctx context.Context, id string) (wire.Consent, error) {
	var consent wire.Consent
	err := c.getJSON(ctx, call{path: join("v1", "consents", id)}, &consent)
	return consent, err
}

// ConsentHistory lists what happened to a request or grant, the oldest first.
func (c *Client) ConsentHistory(ctx context.Context, id string) iter.Seq2[wire.HistoryEntry, error] {
	return items[wire.HistoryEntry](ctx, c, join("v1", "consents", id, "history"), nil)
}

// RequestConsent asks a tenant. An unknown tenant answers like a known one.
func (c *Client) RequestConsent(ctx context.Context, ask wire.ConsentAsk) (wire.Consent, error) {
	return c.decide(ctx, call{path: "/v1/consents"}, ask)
}

// GrantConsent answers a request with yes, under terms that may only narrow it.
func (c *Client) GrantConsent(ctx context.Context, id string, terms wire.ConsentTerms) (wire.Consent, error) {
	return c.decide(ctx, call{path: join("v1", "consents", id, "grant")}, terms)
}

// The changes of ChangeConsent.
const (
	Decline  = "decline"  // a customer's no to a request
	Withdraw = "withdraw" // a partner takes its request back
	Suspend  = "suspend"  // a customer pauses a grant
	Resume   = "resume"   // and lets it go on
	Revoke   = "revoke"   // a grant ends for ever
)

// ChangeConsent changes a request or grant. After Revoke, Consent.Revocation says
// whether the core has acknowledged; until it has, Consent shows state revoking.
// Revoke may be called again, to ask how far it came: nothing ends twice.
func (c *Client) ChangeConsent(ctx context.Context, id, change, reason string) (wire.Consent, error) {
	call := call{path: join("v1", "consents", id, change), repeatable: change == Revoke}
	return c.decide(ctx, call, wire.ConsentReason{Reason: reason})
}

func (c *Client) decide(ctx context.Context, call call, body any) (wire.Consent, error) {
	resp, err := c.postJSON(ctx, call, body)
	if err != nil {
		return wire.Consent{}, err
	}
	var consent wire.Consent
	err = resp.into(ctx, &consent)
	return consent, err
}
