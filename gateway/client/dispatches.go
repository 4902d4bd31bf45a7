package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"

	"countersign/gateway/wire"
)

// StoppedDispatches lists the units of forwarding that wait for an operator.
func (c *Client) StoppedDispatches(ctx context.Context) iter.Seq2[wire.Dispatch, error] {
	return items[wire.Dispatch](ctx, c, "/v1/dispatches", url.Values{"state": {"stopped"}})
}

// RestartDispatch lets a stopped dispatch go on.
func (c *Client) RestartDispatch(ctx context.Context, id int64) error {
	resp, err := c.postJSON(ctx, call{path: join("v1", "dispatches", strconv.FormatInt(id, 10), "restart")}, struct{}{})
	if err != nil {
		return err
	}
	finish(resp.Response)
	return nil
}
