// Package status says in HTTP how a refusal went, for the API and the pages alike. What
// either answers differently it decides before it asks here.
package status

import (
	"net/http"
	"strconv"
	"time"

	"countersign/internal/errs"
)

// Of is the status of a kind of error (RFC 9110 section 15).
func Of(kind errs.Kind) int {
	switch kind {
	case errs.Invalid:
		return http.StatusBadRequest
	case errs.Unauthenticated:
		return http.StatusUnauthorized
	case errs.Forbidden:
		return http.StatusForbidden
	case errs.NotFound:
		return http.StatusNotFound
	case errs.Conflict:
		return http.StatusConflict
	case errs.RateLimited:
		return http.StatusTooManyRequests
	case errs.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Seconds is the value of Retry-After (RFC 9110 section 10.2.3) for a time to wait: whole
// seconds, at least one, never less than true.
func Seconds(wait time.Duration) string {
	wait = max(wait, time.Second)
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10)
}
