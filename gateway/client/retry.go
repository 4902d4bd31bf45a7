package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// retries decides about the repeats of one call. What waits past the call's
// patience is not waited for at all: the caller learns the refusal at once.
type retries struct {
	left  time.Duration
	count int
}

func (c *Client) retries() *retries { return &retries{left: max(c.patience, 0)} }

const (
	firstPause = 250 * time.Millisecond
	longest    = 15 * time.Second
)

// after reports whether to repeat after err, and after which pause. repeatable
// says that the call does no harm when it is carried out twice; another one is
// repeated only when it certainly was not carried out.
func (r *retries) after(err error, repeatable bool) (bool, time.Duration) {
	if err == nil {
		return false, 0
	}
	wait, ok := worthwhile(err, repeatable)
	if !ok {
		return false, 0
	}
	if wait == 0 {
		wait = min(firstPause<<min(r.count, 8), longest)
		wait += time.Duration(rand.Int64N(int64(wait)/4 + 1)) //nolint:gosec // a crowd of clients must not come back as one; nobody gains by foreseeing it
	}
	if wait > r.left {
		return false, 0
	}
	r.left -= wait
	r.count++
	return true, wait
}

// worthwhile reports whether the same call can succeed later, and how long the
// gateway asked to wait; 0 leaves it to us.
func worthwhile(err error, repeatable bool) (time.Duration, bool) {
	var refusal *APIError
	var oauth *OAuthError
	var lost *UnreachableError
	switch {
	case errors.As(err, &refusal):
		refused := refusal.Status == http.StatusTooManyRequests || refusal.Status == http.StatusServiceUnavailable
		return refusal.RetryAfter, refused || repeatable && refusal.Retryable
	case errors.As(err, &oauth):
		return oauth.RetryAfter, oauth.Status == http.StatusTooManyRequests || oauth.Status >= 500
	case errors.As(err, &lost):
		return 0, repeatable || !lost.Sent
	}
	return 0, false
}

// pause waits and says why.
func (c *Client) pause(ctx context.Context, wait time.Duration, cause error) error {
	c.notice(Wait{For: wait, Cause: cause})
	return c.sleep(ctx, wait)
}
