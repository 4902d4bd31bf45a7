package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"

	"countersign/gateway/wire"
)

// Events returns what happened to the caller after a number, oldest first, up to limit
// events; 0 takes the gateway's largest answer. When there is nothing it waits that long,
// at most 30 s. Feed.Next is the number for the next call.
func (c *Client) Events(ctx context.Context, after int64, limit int, wait time.Duration) (wire.Feed, error) {
	if limit <= 0 {
		limit = pageSize
	}
	query := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
	if seconds := int64(wait / time.Second); seconds > 0 {
		query.Set("wait", strconv.FormatInt(seconds, 10))
	}
	var feed wire.Feed
	err := c.getJSON(ctx, call{path: "/v1/events", query: query}, &feed)
	return feed, err
}

// AllEvents walks the events after a number up to the end there is now.
func (c *Client) AllEvents(ctx context.Context, after int64) iter.Seq2[wire.FeedItem, error] {
	return func(yield func(wire.FeedItem, error) bool) {
		for {
			feed, err := c.Events(ctx, after, 0, 0)
			if err != nil {
				yield(wire.FeedItem{}, err)
				return
			}
			for _, item := range feed.Items {
				if !yield(item, nil) {
					return
				}
			}
			if len(feed.Items) == 0 {
				return
			}
			after = feed.Next
		}
	}
}

// ConsentReceipt returns the receipt of one change of a request or grant, by its number
// in the history; 0 means the last.
func (c *Client) ConsentReceipt(ctx context.Context, id string, seq int64) (wire.Receipt, error) {
	query := url.Values{}
	if seq > 0 {
		query.Set("seq", strconv.FormatInt(seq, 10))
	}
	var receipt wire.Receipt
	err := c.getJSON(ctx, call{path: join("v1", "consents", id, "receipt"), query: query}, &receipt)
	return receipt, err
}

// WhyDevice says why a device was allowed; owner is for operators, who name one.
func (c *Client) WhyDevice(ctx context.Context, id string, owner Owner) (wire.Authorization, error) {
	var why wire.Authorization
	err := c.getJSON(ctx, call{path: join("v1", "devices", id, "authorization"), query: owner.query()}, &why)
	return why, err
}

// KeySet returns the public keys of the gateway (RFC 7517), to verify receipts and
// histories with.
func (c *Client) KeySet(ctx context.Context) ([]byte, error) {
	var set rawJSON
	err := c.getJSON(ctx, call{path: "/oauth2/jwks"}, &set)
	return set, err
}

// rawJSON keeps an answer as it came.
type rawJSON []byte

// UnmarshalJSON keeps the bytes.
func (r *rawJSON) UnmarshalJSON(text []byte) error {
	*r = append((*r)[:0], text...)
	return nil
}
