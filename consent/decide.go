package consent

import (
	"fmt"
	"strings"
	"time"

	"countersign/models"
)

// RightToDecide is the scope of a tenant's OAuth client that may decide over consent.
// It is off unless it was given, and read from the client's row at the decision, never
// from a token: a token outlives the end of the right.
const RightToDecide = "consents.decide"

// freshness is how long ago a person may have proven who it is to say yes.
const freshness = 10 * time.Minute

// mayDecide reports whether a customer's actor may change anything at present: a
// person in a role, or a client of the tenant that has the right. Other kinds of
// actors are the transitions' to judge.
func mayDecide(r rows, actor Actor, now time.Time) error {
	if actor.Kind != models.ActorCustomer {
		return nil
	}
	if actor.Person != nil {
		return personDecides(r, actor)
	}
	has, err := r.clientDecides(models.ClientID(actor.ID), actor.TenantID, now)
	if err != nil {
		return fmt.Errorf("read the right of a client: %w", err)
	}
	if !has {
		return ErrNoRight
	}
	return nil
}

// personDecides reads the person's role anew: one taken away while the session lasts is
// gone, and what the session said of it does not matter.
func personDecides(r rows, actor Actor) error {
	if err := checkPerson(actor); err != nil {
		return err
	}
	person, err := r.person(actor.Person.ID, actor.TenantID)
	if err != nil {
		return fmt.Errorf("read the role of a person: %w", err)
	}
	if !person.MayDecide() || person.Issuer != actor.Person.Issuer || person.Subject != actor.Person.Subject {
		return ErrNoRight
	}
	return nil
}

// checkPerson refuses who is not a person in a role that decides.
func checkPerson(actor Actor) error {
	p := actor.Person
	if actor.Kind != models.ActorCustomer || actor.TenantID == "" || p == nil || !p.Role.Valid() ||
		p.ID == "" || string(p.ID) != actor.ID || p.Issuer == "" || p.Subject == "" {
		return ErrNoRight
	}
	return nil
}

// mayGrant is mayDecide for a yes, which needs a person to have signed in just now.
func mayGrant(r rows, actor Actor, now time.Time) error {
	if err := mayDecide(r, actor, now); err != nil || actor.Person == nil {
		return err
	}
	at := actor.Person.AuthTime
	if actor.Person.Stale || at.IsZero() || now.Sub(at) > freshness || at.Sub(now) > ClockSkew {
		return ErrSignInAgain
	}
	return nil
}

// decided is a decision to be recorded.
type decided struct {
	kind    models.DecisionKind
	request *models.RequestID
	grant   *models.GrantID
	partner models.PartnerID
	tenant  models.TenantID
	promise Promise
	shown   Reading
}

// Reading is what a person had before its eyes when it decided.
type Reading struct {
	Language string // of the page; empty takes English
	Digest   string // Words.Digest of the request as it was shown; empty without a page
	// Seen is the same where the terms to come are not known before they are chosen: of
	// the grant as it stood when it is changed, of Offer when one is given unasked.
	Seen string
}

// Offer is everything that a permission can allow, as it is shown to whoever gives one
// without having been asked, with the partner's providers.
func Offer(others []string) Promise { return Promise{Scopes: GrantScopes(), Others: others} }

// saw refuses a yes to something that has changed since it was shown.
func (r Reading) saw(stood Promise) error {
	if r.Seen != "" && r.Seen != Wording(r.Language, stood).Digest() {
		return ErrWordsChanged
	}
	return nil
}

// shown is the digest of what was on the page.
func (r Reading) shown() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Seen
}

// check refuses a yes to words that are not those of the request any more.
func (r Reading) check(asked Promise) error {
	if r.Digest != "" && r.Digest != Wording(r.Language, asked).Digest() {
		return ErrWordsChanged
	}
	return nil
}

// record freezes a decision. It returns the cause of the change that follows, which
// names the record.
func (s *Service) record(r rows, d decided, c cause) (cause, error) {
	words := Wording(d.shown.Language, d.promise)
	row := models.ConsentDecision{
		ID: s.newID(), Decision: d.kind, RequestID: d.request, GrantID: d.grant, PartnerID: d.partner, TenantID: d.tenant,
		Scopes: joinScopes(d.promise.Scopes), DeviceLimit: d.promise.DeviceLimit, ExpiresAt: d.promise.Until,
		Language: words.Language, WordingVersion: words.Version, Wording: words.Text(), WordingDigest: words.Digest(),
		ShownDigest: d.shown.shown(), ActorID: c.actor.ID, HTTPRequest: c.actor.HTTPRequest, At: c.at,
	}
	if p := c.actor.Person; p != nil {
		row.PersonID, row.PersonName, row.PersonRole, row.Issuer, row.Subject = &p.ID, p.Name, string(p.Role), p.Issuer, p.Subject
		row.ACR, row.AMR = p.ACR, strings.Join(p.AMR, " ")
		if at := instant(p.AuthTime); !p.AuthTime.IsZero() {
			row.AuthTime = &at
		}
	}
	if err := r.addDecision(&row); err != nil {
		return c, fmt.Errorf("record a decision: %w", err)
	}
	c.decision = &row.ID
	return c, nil
}
