package registration

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"countersign/models"
)

// list identifies a list that is read in pages: what is asked, by whom and how
// narrowed. It stands, digested, at the front of each cursor of the list.
type list [8]byte

func listOf(parts ...string) list {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", parts))
	return list(sum[:len(list{})])
}

// list identifies the list of devices that the filter gives within a scope.
func (f Filter) list(scope Scope) list {
	return listOf("devices", string(scope.Partner), string(scope.Tenant), strings.ToLower(f.Serial), f.ProductKey, f.GroupTag, string(f.Grant), string(f.Upload),
		string(f.State), f.Since.UTC().Format(time.RFC3339Nano), f.Until.UTC().Format(time.RFC3339Nano))
}

// cursor names the place of the last item that was given out. It carries no right:
// every page is scoped anew.
func (l list) cursor(place string) string {
	return base64.RawURLEncoding.EncodeToString(append(l[:], place...))
}

// place reads what cursor made; empty for an empty cursor, ErrCursor for anything
// that is not from this list.
func (l list) place(cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(raw) <= len(l) || list(raw[:len(l)]) != l || l.cursor(string(raw[len(l):])) != cursor {
		return "", ErrCursor
	}
	return string(raw[len(l):]), nil
}

// limit applies the default and the most a page may hold.
func (p Page) limit() int {
	if p.Limit <= 0 {
		return 100
	}
	return min(p.Limit, 1000)
}

// cutPage cuts the one item off that was read to learn whether there are more.
func cutPage[T any](items []T, limit int) (page []T, more bool) {
	if len(items) <= limit {
		return items, false
	}
	return items[:limit], true
}

// idSlack is more than the clocks that stamp ids and registrations differ, and more
// than passes between the two stamps.
const idSlack = 24 * time.Hour

// ids returns the span of device ids, its end excluded, in which those of the
// filter's times lie. It turns a span of time into one of the index that lists are
// read by; whoever uses it compares the times themselves, too.
func (f Filter) ids() (first, end models.DeviceID) {
	end = "g" // after every hexadecimal digit, in every collation
	if !f.Since.IsZero() {
		first = firstID(f.Since.Add(-idSlack))
	}
	if !f.Until.IsZero() {
		end = firstID(f.Until.Add(idSlack))
	}
	return first, end
}

// firstID is the least device id of an instant: ids are UUIDs of version 7 (RFC 9562
// section 5.7), which begin with milliseconds.
func firstID(at time.Time) models.DeviceID {
	ms := min(max(at.UnixMilli(), 0), 1<<48-1)
	return models.DeviceID(fmt.Sprintf("%08x-%04x-0000-0000-000000000000", ms>>16, ms&0xffff))
}
