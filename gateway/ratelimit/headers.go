package ratelimit

import (
	"strconv"
	"strings"
	"time"
)

// Header names. The X- names are extras for clients that know nothing newer.
const (
	HeaderRetryAfter = "Retry-After"           // RFC 9110 section 10.2.3
	HeaderPolicy     = "RateLimit-Policy"      // draft-ietf-httpapi-ratelimit-headers-11
	HeaderState      = "RateLimit"             // the same draft
	HeaderXLimit     = "X-RateLimit-Limit"     // units
	HeaderXRemaining = "X-RateLimit-Remaining" // units
	HeaderXReset     = "X-RateLimit-Reset"     // seconds since 1970
)

// Headers hands every header of a decision to set, for example http.Header.Set.
// now turns the delay into X-RateLimit-Reset's absolute time. Without charges there
// is nothing to tell.
func (d Decision) Headers(now time.Time, set func(name, value string)) {
	if len(d.States) == 0 {
		return
	}
	set(HeaderPolicy, d.Policy())
	set(HeaderState, d.State())
	set(HeaderXLimit, strconv.FormatInt(d.Tightest.Rate.Count, 10))
	set(HeaderXRemaining, strconv.FormatInt(d.Tightest.Remaining, 10))
	set(HeaderXReset, strconv.FormatInt(d.resetAt(now), 10))
	if d.RetryAfter > 0 {
		set(HeaderRetryAfter, seconds(d.RetryAfter))
	}
}

// Policy is the value of RateLimit-Policy: each limit with quota q and window w in
// seconds. The draft's unit parameter qu takes registered units only, and devices
// are none; the limit's name tells the unit instead.
func (d Decision) Policy() string {
	items := make([]string, len(d.States))
	for i, s := range d.States {
		items[i] = `"` + string(s.Limit) + `";q=` + strconv.FormatInt(s.Rate.Count, 10) + ";w=" + seconds(s.Rate.Period)
	}
	return strings.Join(items, ", ")
}

// State is the value of RateLimit: what remains (r) for the next t seconds. For an
// admitted call that is every limit and the time until it is full again. A call
// that must wait is told the tightest limit only, with its exact wait: the draft
// wants Retry-After not to be earlier than t.
func (d Decision) State() string {
	if d.RetryAfter > 0 {
		return d.Tightest.item(d.wait)
	}
	items := make([]string, len(d.States))
	for i, s := range d.States {
		items[i] = s.item(s.Reset)
	}
	return strings.Join(items, ", ")
}

func (s State) item(t time.Duration) string {
	return `"` + string(s.Limit) + `";r=` + strconv.FormatInt(s.Remaining, 10) + ";t=" + seconds(t)
}

// resetAt is when a refused call may come back, otherwise when the tightest budget
// is full again.
func (d Decision) resetAt(now time.Time) int64 {
	delay := d.RetryAfter
	if delay == 0 {
		delay = d.Tightest.Reset
	}
	return epochSeconds(now.Add(delay))
}

// epochSeconds rounds up, so that nobody comes too early.
func epochSeconds(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64(ceilSeconds(d)/time.Second), 10)
}
