package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"countersign/gateway/wire"
)

// pageSize is what is asked for at once; the gateway gives at most 1000.
const pageSize = 1000

// items walks a list of our own surface page by page. It ends at the first error.
func items[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := cloneQuery(query)
		query.Set("limit", strconv.Itoa(pageSize))
		for {
			var page wire.Page[T]
			if err := c.getJSON(ctx, call{path: path, query: query}, &page); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.NextCursor == "" {
				return
			}
			query.Set("cursor", page.NextCursor)
		}
	}
}

// resources walks a collection of Partner Center's surface.
func resources[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		header := http.Header{}
		for {
			var page wire.Collection[T]
			if err := c.getJSON(ctx, call{path: path, query: query, header: header}, &page); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if page.ContinuationToken == "" {
				return
			}
			header.Set(headerContinuation, page.ContinuationToken)
		}
	}
}

// fullPages asks a collection for its largest pages.
func fullPages() url.Values { return url.Values{"size": {strconv.Itoa(pageSize)}} }

func cloneQuery(query url.Values) url.Values {
	clone := url.Values{}
	for name, values := range query {
		clone[name] = values
	}
	return clone
}

// Collect gathers at most limit items; 0 means all of them. more tells that the
// list goes on.
func Collect[T any](list iter.Seq2[T, error], limit int) (all []T, more bool, err error) {
	for item, err := range list {
		if err != nil {
			return all, false, err
		}
		if limit > 0 && len(all) == limit {
			return all, true, nil
		}
		all = append(all, item)
	}
	return all, false, nil
}
