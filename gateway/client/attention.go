package client

import (
	"context"
	"iter"

	"countersign/gateway/wire"
)

// CaseFilter narrows a list of attention cases; empty fields do not.
type CaseFilter struct {
	Owner
	State   string // open unless told, settled or all
	Settler string // customer, manufacturer or operator
	Reason  string // for example board-or-tpm-changed
	Device  string // id of a device of the caller's that the case involves
}

const attentionPath = "/v1/attention"

// AttentionCases lists conflicts that a person must settle, the newest first.
func (c *Client) AttentionCases(ctx context.Context, f CaseFilter) iter.Seq2[wire.AttentionCase, error] {
	query := f.query()
	set(query, "state", f.State)
	set(query, "settler", f.Settler)
	set(query, "reason", f.Reason)
	set(query, "device", f.Device)
	return items[wire.AttentionCase](ctx, c, attentionPath, query)
}

// AttentionCase reads one case.
func (c *Client) AttentionCase(ctx context.Context, id string, of Owner) (wire.AttentionCase, error) {
	var one wire.AttentionCase
	err := c.getJSON(ctx, call{path: attentionPath + join(id), query: of.query()}, &one)
	return one, err
}

// SettleCase carries out a person's decision about a case. The same decision again changes
// nothing.
func (c *Client) SettleCase(ctx context.Context, id string, how wire.Settling) (wire.AttentionCase, error) {
	return changed[wire.AttentionCase](ctx, c, call{path: attentionPath + join(id, "settle"), repeatable: true}, how)
}

// ExplainDevice lists why captures were matched to a device or not, the oldest first.
func (c *Client) ExplainDevice(ctx context.Context, id string, of Owner) iter.Seq2[wire.Explanation, error] {
	return items[wire.Explanation](ctx, c, join("v1", "devices", id, "explanation"), of.query())
}
