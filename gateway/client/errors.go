package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/gateway/wire"
)

// APIError is a refusal by the gateway. Problem carries both vocabularies: Partner
// Center's code and description, and RFC 9457's members with Reason, our stable
// word. For an answer that came from elsewhere (a proxy) only Status and Detail
// are set.
type APIError struct {
	wire.Problem
	Status        int           // HTTP status as sent
	RetryAfter    time.Duration // 0: not said
	RequestID     string        // of the call, for the operator's log
	CorrelationID string
	Location      string // the existing resource a conflict is about
}

// Error gives the sentence of the answer.
func (e *APIError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("HTTP %d: %s", e.Status, e.Detail)
	}
	return fmt.Sprintf("%s (%s)", e.Detail, e.Reason)
}

// OAuthError is a refusal by the token endpoint (RFC 6749 section 5.2).
type OAuthError struct {
	Status      int
	Code        string // error
	Description string // error_description
	RetryAfter  time.Duration
	RequestID   string
}

// Error gives code and description.
func (e *OAuthError) Error() string {
	if e.Description == "" {
		return "no token: " + e.Code
	}
	return fmt.Sprintf("no token: %s (%s)", e.Description, e.Code)
}

// UnreachableError says that a call got no answer. Whether it was carried out is
// unknown unless Sent is false; repeating it with the same request id is safe.
type UnreachableError struct {
	Sent bool // something may have reached the gateway
	Err  error
}

// Error names the cause without the address's query.
func (e *UnreachableError) Error() string { return "the gateway cannot be reached: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// unreachable classifies a failed round trip. The caller's own end stays what it is.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var body *bodyError
	if errors.As(err, &body) {
		return body.err
	}
	var around *url.Error
	if errors.As(err, &around) {
		if refused := refusedOnTheWay(hostOf(around.URL), around.Err); refused != nil {
			return refused
		}
		err = around.Err
	}
	return &UnreachableError{Sent: maySend(err), Err: err}
}

// maySend reports whether something may have reached the gateway. Dialling it, or a
// proxy, or being refused by one, is before anything.
func maySend(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect") {
		return false
	}
	var proxy *ProxyError
	return !errors.As(err, &proxy)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the gateway"
	}
	return u.Host
}

const (
	headerRequestID     = "MS-RequestId"
	headerCorrelationID = "MS-CorrelationId"
	headerContinuation  = "MS-ContinuationToken"
	maxErrorBody        = 1 << 20
)

// apiError reads the body of a refusal.
func apiError(resp *http.Response, body []byte, now time.Time) *APIError {
	e := &APIError{
		Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, now), Location: resp.Header.Get("Location"),
		RequestID: resp.Header.Get(headerRequestID), CorrelationID: resp.Header.Get(headerCorrelationID),
	}
	if resp.StatusCode == http.StatusTooManyRequests {
		return e.throttled(body)
	}
	if json.Unmarshal(body, &e.Problem) != nil || e.Reason == "" {
		e.Problem = wire.Problem{Detail: "the answer did not come from a gateway, but from something in between or another server (" + http.StatusText(resp.StatusCode) + ")"}
		e.Retryable = resp.StatusCode >= 500
	}
	return e
}

// throttled gives a 429, whose body has a form of its own, the members of all others.
func (e *APIError) throttled(body []byte) *APIError {
	var answer wire.Throttled
	_ = json.Unmarshal(body, &answer) // without a message the title says it
	code, _ := wire.Lookup("rate_limit_exceeded")
	e.Problem = wire.Problem{
		Code: code.Number, Description: answer.Message, Title: code.Title, Detail: answer.Message,
		Reason: code.Word, NextActor: code.NextActor, Retryable: true,
	}
	if e.Detail == "" {
		e.Detail = code.Title
	}
	return e
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3).
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
