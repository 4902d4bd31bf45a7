package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"countersign/gateway/wire"
)

// RemindConsent tells the customer once more of a request that waits.
func (c *Client) RemindConsent(ctx context.Context, id string) (wire.Consent, error) {
	return c.decide(ctx, call{path: join("v1", "consents", id, "remind")}, struct{}{})
}

// RenewConsentLink makes a new link to a request that waits; the old one leads nowhere
// from then on. A nil until lets it last a week.
func (c *Client) RenewConsentLink(ctx context.Context, id string, until *time.Time) (wire.Consent, error) {
	return c.decide(ctx, call{path: join("v1", "consents", id, "link")}, wire.ConsentLinkAsk{Until: until})
}

// RelationshipRequest returns the address for a customer's administrator, the same for
// every customer.
func (c *Client) RelationshipRequest(ctx context.Context) (wire.RelationshipRequest, error) {
	var link wire.RelationshipRequest
	err := c.getJSON(ctx, call{path: "/v1/customers/relationshiprequests"}, &link)
	return link, err
}

// consentBlocks is where a tenant keeps the partners it does not want to be asked by.
const consentBlocks = "/v1/consents/blocks"

// BlockPartner stops a partner from asking the tenant. Doing it twice does no harm.
func (c *Client) BlockPartner(ctx context.Context, partner string, how wire.PartnerBlocking) (wire.PartnerBlock, error) {
	resp, err := c.postJSON(ctx, call{method: http.MethodPut, path: consentBlocks + join(partner), repeatable: true}, how)
	if err != nil {
		return wire.PartnerBlock{}, err
	}
	var block wire.PartnerBlock
	err = resp.into(ctx, &block)
	return block, err
}

// UnblockPartner lets a partner ask again.
func (c *Client) UnblockPartner(ctx context.Context, partner string) error {
	resp, err := c.do(ctx, call{method: http.MethodDelete, path: consentBlocks + join(partner), repeatable: true})
	if err != nil {
		return err
	}
	finish(resp.Response)
	return nil
}

// BlockedPartners lists the partners the tenant has blocked, the newest first.
func (c *Client) BlockedPartners(ctx context.Context) iter.Seq2[wire.PartnerBlock, error] {
	return items[wire.PartnerBlock](ctx, c, consentBlocks, nil)
}
