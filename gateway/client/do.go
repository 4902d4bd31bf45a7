package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// call is one call of the API, however often it is sent.
type call struct {
	method     string
	path       string // escaped
	query      url.Values
	header     http.Header
	body       *Body
	requestID  string // the same in every repeat
	repeatable bool   // carrying it out twice does no harm
	once       bool   // a refusal is final, whatever it says
}

// answer is a successful answer; whoever gets it finishes it.
type answer struct{ *http.Response }

// do sends a call until it is answered, repeating is pointless, or patience ends.
func (c *Client) do(ctx context.Context, call call) (answer, error) {
	if call.requestID == "" {
		call.requestID = NewRequestID()
	}
	retries, renewed, nonced := c.retries(), false, false
	for {
		token, err := c.tokens.get(ctx)
		if err != nil {
			return answer{}, err
		}
		resp, err := c.send(ctx, call, token)
		if err == nil {
			return resp, nil
		}
		if !renewed && staleToken(err) {
			c.tokens.drop(token.Value)
			renewed = true
			continue
		}
		if !nonced && wantsNonce(err) {
			nonced = true
			continue
		}
		again, wait := retries.after(err, call.repeatable)
		if !again || call.once {
			return answer{}, err
		}
		if err := c.pause(ctx, wait, err); err != nil {
			return answer{}, err
		}
	}
}

// staleToken reports a token that was fine when we asked for it: the gateway's
// keys may have changed. A second refusal is final.
func staleToken(err error) bool {
	var refusal *APIError
	return errors.As(err, &refusal) && refusal.Status == http.StatusUnauthorized && refusal.Reason == "invalid_token"
}

// send sends a call once.
func (c *Client) send(ctx context.Context, call call, token Token) (answer, error) {
	req, err := c.request(ctx, call)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", c.holding.scheme()+" "+token.Value)
	if err := c.holding.add(req, token.Value); err != nil {
		return answer{}, fmt.Errorf("client: prove possession: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{}, unreachable(ctx, err)
	}
	c.holding.learn(resp)
	if resp.StatusCode/100 == 2 {
		return answer{resp}, nil
	}
	defer finish(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		return answer{}, unreachable(ctx, err)
	}
	return answer{}, apiError(resp, body, c.now())
}

// hugeBody is the size from which a body waits for "100 Continue": a refusal then
// arrives before the body was sent for nothing.
const hugeBody = 64 << 10

func (c *Client) request(ctx context.Context, call call) (*http.Request, error) {
	address := c.base.String() + call.path
	if len(call.query) > 0 {
		address += "?" + call.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, call.method, address, nil)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	for name, values := range call.header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("MS-Contract-Version", "v1")
	req.Header.Set(headerRequestID, call.requestID)
	if call.body == nil {
		return req, nil
	}
	body, err := call.body.Open()
	if err != nil {
		return nil, fmt.Errorf("client: open the body: %w", err)
	}
	req.Body, req.ContentLength = markedBody{body}, call.body.Size
	req.Header.Set("Content-Type", call.body.ContentType)
	if call.body.Encoding != "" {
		req.Header.Set("Content-Encoding", call.body.Encoding)
	}
	if call.body.Size < 0 || call.body.Size > hugeBody {
		req.Header.Set("Expect", "100-continue")
	}
	return req, nil
}

// into reads a JSON answer, to its end, so that a cut answer is not taken for a
// whole one.
func (a answer) into(ctx context.Context, value any) error {
	defer finish(a.Response)
	content, err := io.ReadAll(a.Body)
	if err != nil {
		return unreachable(ctx, err)
	}
	if err := json.Unmarshal(content, value); err != nil {
		return fmt.Errorf("client: the answer of %s is not what was expected: %w", a.Request.URL.Path, err)
	}
	return nil
}

// getJSON reads a resource; an answer that broke off is asked for again.
func (c *Client) getJSON(ctx context.Context, call call, value any) error {
	call.method, call.repeatable = http.MethodGet, true
	retries := c.retries()
	for {
		resp, err := c.do(ctx, call)
		if err != nil {
			return err
		}
		err = resp.into(ctx, value)
		again, wait := retries.after(err, true)
		if !again {
			return err
		}
		if err := c.pause(ctx, wait, err); err != nil {
			return err
		}
	}
}

// postJSON sends a decision. Unless the call says otherwise it is not repeated when
// it may have been carried out.
func (c *Client) postJSON(ctx context.Context, call call, body any) (answer, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return answer{}, fmt.Errorf("client: write the body: %w", err)
	}
	sent := BytesBody("application/json", bytes.TrimSpace(content))
	if call.body = &sent; call.method == "" {
		call.method = http.MethodPost
	}
	return c.do(ctx, call)
}

// finish lets the connection be used again.
func finish(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, maxErrorBody)
	_ = resp.Body.Close()
}

// join makes a path of segments, escaping each.
func join(segments ...string) string {
	var path strings.Builder
	for _, s := range segments {
		path.WriteString("/" + url.PathEscape(s))
	}
	return path.String()
}
