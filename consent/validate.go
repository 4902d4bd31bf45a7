package consent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/internal/errs"
	"countersign/internal/plaintext"
	"countersign/models"
)

// Longest texts, in characters.
const (
	longestPurpose   = 500
	longestReference = 200
	longestReason    = 500
)

// validate checks the request and fills the defaults. All faults are named at once.
func (n NewRequest) validate(now time.Time) (models.ConsentRequest, error) {
	var faults faults
	request := models.ConsentRequest{
		TenantRef:  faults.tenant(n.Tenant),
		Purpose:    faults.plain("purpose", n.Purpose, longestPurpose),
		Reference:  faults.plain("reference", n.Reference, longestReference),
		Scopes:     faults.scopes(n.Scopes),
		GrantUntil: now.Add(defaultGrant), ExpiresAt: now.Add(defaultRequest),
	}
	if request.Purpose == "" {
		faults.add("purpose", "is missing: say in one sentence why you ask, the customer reads it")
	}
	if n.Amends != "" {
		request.Amends = &n.Amends
	}
	limits := faults.limits(n.Limits)
	request.DeviceLimit, request.GrantLists = limits.Devices, limits.lists()
	if n.GrantUntil != nil {
		request.GrantUntil = instant(*n.GrantUntil)
		faults.between("grantUntil", request.GrantUntil, now, now.Add(longestGrant))
	}
	if request.ExpiresAt.After(request.GrantUntil) {
		request.ExpiresAt = request.GrantUntil
	}
	if n.ExpiresAt != nil {
		request.ExpiresAt = instant(*n.ExpiresAt)
		faults.between("expiresAt", request.ExpiresAt, now, earlier(request.GrantUntil, now.Add(longestRequest)))
	}
	link := faults.linkEnd(n.LinkUntil, now, request.ExpiresAt)
	request.LinkUntil = &link
	return request, faults.err()
}

// instant is a time as both databases store it.
func instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// checkReason accepts an empty reason: ending a consent needs none.
func checkReason(reason string) error {
	var faults faults
	faults.text("reason", reason, longestReason)
	return faults.err()
}

// checkReasonOf is checkReason for whoever gives it: a partner's is read by strangers.
func checkReasonOf(actor Actor, reason string) error {
	var faults faults
	if actor.Kind == models.ActorPartner {
		faults.plain("reason", reason, longestReason)
	} else {
		faults.text("reason", reason, longestReason)
	}
	return faults.err()
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// faults collects what is wrong with an input.
type faults []errs.Field

func (f *faults) add(field, cause string) { *f = append(*f, errs.Field{Name: field, Cause: cause}) }

func (f faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return ErrInvalid.WithFields(f...)
}

// between accepts a time after now and up to latest.
func (f *faults) between(field string, t, now, latest time.Time) {
	if !t.After(now) {
		f.add(field, "must be in the future")
	} else if t.After(latest) {
		f.add(field, "must not be later than "+latest.Format(time.RFC3339))
	}
}

// text trims outer blanks and refuses what a person could not read safely on a page.
func (f *faults) text(field, s string, longest int) string {
	s = strings.TrimSpace(s)
	if fault := plaintext.Fault(s, longest); fault != "" {
		f.add(field, fault)
	}
	return s
}

// plain is text in which a partner also cannot lead the reader elsewhere: no links,
// host names and mail addresses.
func (f *faults) plain(field, s string, longest int) string {
	s = f.text(field, s, longest)
	if found := plaintext.Address(s); found != "" {
		f.add(field, fmt.Sprintf("holds what looks like an address: %q. The customer is never led elsewhere; write it without, or put a blank after the full stop", shorten(found)))
	}
	return s
}

// shorten keeps a quotation short.
func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// scopes stores a non-empty set of known scopes.
func (f *faults) scopes(list []string) string {
	if len(list) == 0 {
		f.add("scopes", "is empty: ask for at least one of "+strings.Join(GrantScopes(), ", "))
	}
	for _, scope := range list {
		if !slices.Contains(GrantScopes(), scope) {
			f.add("scopes", "holds an unknown scope: known are "+strings.Join(GrantScopes(), ", "))
			break
		}
	}
	return joinScopes(list)
}

// tenant brings a tenant id or domain to the form in which it is compared.
func (f *faults) tenant(ref string) string {
	ref = strings.ToLower(strings.TrimSpace(ref))
	if !models.ValidGUID(ref) && !validDomain(ref) {
		f.add("tenant", "is neither a tenant id (GUID) nor a domain name; write an international domain in its xn-- form")
	}
	return ref
}

// validDomain accepts a host name of at least two labels (RFC 1035 section 2.3.1,
// as relaxed by RFC 1123 section 2.1), in lower case.
func validDomain(s string) bool {
	labels := strings.Split(s, ".")
	return len(s) <= 253 && len(labels) >= 2 && !slices.ContainsFunc(labels, func(label string) bool { return !validLabel(label) })
}

func validLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}
