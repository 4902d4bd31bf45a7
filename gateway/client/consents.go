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
	GiveBack = "giveBack" // a partner ends its own grant; the answer is that of Revoke
)

// ChangeConsent changes a request or grant. After Revoke, Consent.Revocation says
// whether the core has acknowledged; until it has, Consent shows state revoking.
// Revoke may be called again, to ask how far it came: nothing ends twice.
func (c *Client) ChangeConsent(ctx context.Context, id, change, reason string) (wire.Consent, error) {
	call := call{path: join("v1", "consents", id, change), repeatable: change == Revoke || change == GiveBack}
	return c.decide(ctx, call, wire.ConsentReason{Reason: reason})
}

// AmendConsent changes the terms of a grant; what the change leaves out stays.
func (c *Client) AmendConsent(ctx context.Context, id string, change wire.ConsentChange) (wire.Consent, error) {
	return c.decide(ctx, call{path: join("v1", "consents", id, "amend")}, change)
}

// ConsentVersions lists what a grant said over time, the oldest first.
func (c *Client) ConsentVersions(ctx context.Context, id string) iter.Seq2[wire.ConsentVersion, error] {
	return items[wire.ConsentVersion](ctx, c, join("v1", "consents", id, "versions"), nil)
}

// PreviewEnd says what the end of a grant would mean, and does nothing.
func (c *Client) PreviewEnd(ctx context.Context, id string) (wire.ConsentEndPreview, error) {
	var preview wire.ConsentEndPreview
	err := c.getJSON(ctx, call{path: join("v1", "consents", id, "end")}, &preview)
	return preview, err
}

// RevokeAll ends every grant of the customer that calls, or all of one partner. With
// another number of grants than count none ends.
func (c *Client) RevokeAll(ctx context.Context, all wire.ConsentRevokeAll) ([]wire.Consent, error) {
	resp, err := c.postJSON(ctx, call{path: "/v1/revokeAll"}, all)
	if err != nil {
		return nil, err
	}
	var page wire.Page[wire.Consent]
	err = resp.into(ctx, &page)
	return page.Items, err
}

// PartnerLinks lists the links of the partner that calls.
func (c *Client) PartnerLinks(ctx context.Context) iter.Seq2[wire.PartnerLink, error] {
	return items[wire.PartnerLink](ctx, c, "/v1/partnerLinks", nil)
}

// OfferLink offers a provider to act under the grants of the reseller that calls.
func (c *Client) OfferLink(ctx context.Context, provider string) (wire.PartnerLink, error) {
	return c.link(ctx, call{path: "/v1/partnerLinks"}, wire.PartnerLinkOffer{Provider: provider})
}

// AcceptLink is the provider's yes to a link.
func (c *Client) AcceptLink(ctx context.Context, id string) (wire.PartnerLink, error) {
	return c.link(ctx, call{path: join("v1", "partnerLinks", id, "accept")}, struct{}{})
}

// EndLink ends a link for either side; what rests on it ends with it.
func (c *Client) EndLink(ctx context.Context, id, reason string) (wire.PartnerLink, error) {
	return c.link(ctx, call{path: join("v1", "partnerLinks", id, "end")}, wire.ConsentReason{Reason: reason})
}

func (c *Client) link(ctx context.Context, call call, body any) (wire.PartnerLink, error) {
	resp, err := c.postJSON(ctx, call, body)
	if err != nil {
		return wire.PartnerLink{}, err
	}
	var link wire.PartnerLink
	err = resp.into(ctx, &link)
	return link, err
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
