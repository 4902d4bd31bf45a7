package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// cause is who changes a state, why, and when by the database's clock.
type cause struct {
	actor  Actor
	reason string
	at     time.Time

	decision *string // id of the record of a decision; nil for any other change
}

// moveRequest performs one transition of a request and writes its history entry
// in the same transaction. want holds the new state and what comes with it.
func moveRequest(r rows, from models.RequestState, want models.ConsentRequest, c cause) (models.ConsentRequest, error) {
	if err := checkRequestMove(from, want.State, c.actor.Kind); err != nil {
		return want, err
	}
	if from == "" {
		if err := r.addRequest(&want); err != nil {
			return want, fmt.Errorf("add a request: %w", err)
		}
	} else {
		want.DecidedAt = &c.at
		moved, err := r.moveRequest(want, from)
		if err != nil {
			return want, fmt.Errorf("change a request: %w", err)
		}
		if !moved {
			return want, ErrWrongState
		}
	}
	return want, requestEvent(r, from, record{request: &want}, c)
}

// noteRequest writes down what happens to a request without moving it; kind is the
// ledger's word for it.
func noteRequest(r rows, request models.ConsentRequest, kind string, c cause) error {
	return requestEvent(r, request.State, record{request: &request, kind: kind}, c)
}

// requestEvent writes the history of a request. Its tenant is not named in what the
// tenant must not hear: the feed follows the entry.
func requestEvent(r rows, from models.RequestState, what record, c cause) error {
	request := *what.request
	heard := request.TenantID
	if c.actor.Kind != models.ActorCustomer {
		var err error
		if heard, err = r.heardBy(request); err != nil {
			return fmt.Errorf("find out who hears of a request: %w", err)
		}
	}
	return addEvent(r, models.ConsentEvent{
		Subject: models.SubjectRequest, SubjectID: string(request.ID), PartnerID: request.PartnerID, TenantID: heard,
		FromState: string(from), ToState: string(request.State),
	}, what, c)
}

// addGrant creates a grant with its first history entry. errNotAlone means that
// the pair has a live grant.
func addGrant(r rows, grant models.Grant, c cause) error {
	if _, err := checkGrantMove("", grant.State, c.actor.Kind); err != nil {
		return err
	}
	alone, err := r.addGrant(&grant)
	if err != nil {
		return fmt.Errorf("add a grant: %w", err)
	}
	if !alone {
		return errNotAlone
	}
	if err := addVersion(r, grant, models.GrantGiven, grant.RequestID, c); err != nil {
		return err
	}
	return grantEvent(r, "", grant, c)
}

// addVersion records what the grant says from now on.
func addVersion(r rows, g models.Grant, change models.GrantChange, answered *models.RequestID, c cause) error {
	err := r.addVersion(&models.GrantVersion{
		GrantID: g.ID, Version: g.Version, Change: change, Epoch: g.Epoch, Scopes: g.Scopes, DeviceLimit: g.DeviceLimit,
		GrantLists: g.GrantLists, ExpiresAt: g.ExpiresAt, RequestID: answered, EvidenceID: c.decision,
		Actor: c.actor.Kind, ActorID: c.actor.ID, Reason: c.reason, HTTPRequest: c.actor.HTTPRequest, At: c.at,
	})
	if err != nil {
		return fmt.Errorf("record a version of a grant: %w", err)
	}
	return nil
}

// errNotAlone leaves the transaction, which PostgreSQL has aborted by then.
var errNotAlone = errors.New("the partner has a live grant of this tenant")

// moveGrant performs one transition of a grant: compare-and-set, the raised epoch
// with its fence, and the history entry, all in the same transaction. The caller
// holds the grant's gate exclusively. The new epoch is at least floor.
func moveGrant(r rows, grant models.Grant, to models.GrantState, c cause, floor int64) (models.Grant, error) {
	rule, err := checkGrantMove(grant.State, to, c.actor.Kind)
	if err != nil {
		return grant, err
	}
	after := grant
	after.State = to
	if rule.raises {
		after.Epoch = max(grant.Epoch+1, floor)
	}
	if ends(to) && grant.EndedAt == nil {
		kind, reason := c.actor.Kind, c.reason
		after.EndedAt, after.EndedBy, after.EndReason = &c.at, &kind, &reason
	}
	moved, err := r.moveGrant(grant, after)
	if err != nil {
		return grant, fmt.Errorf("change a grant: %w", err)
	}
	if !moved {
		return grant, ErrWrongState
	}
	if rule.raises {
		if err := r.raiseFence(models.SubjectOfGrant, string(after.ID), after.Epoch, c.at); err != nil {
			return grant, fmt.Errorf("ask for a fence: %w", err)
		}
	}
	return after, grantEvent(r, grant.State, after, c)
}

// ends reports whether nothing new is let through from this state on, for good.
func ends(state models.GrantState) bool {
	return state != models.GrantActive && state != models.GrantSuspended
}

func grantEvent(r rows, from models.GrantState, grant models.Grant, c cause) error {
	return grantNote(r, from, grant, "", c)
}

// grantNote is grantEvent under the ledger's word for what moves nothing.
func grantNote(r rows, from models.GrantState, grant models.Grant, kind string, c cause) error {
	return addEvent(r, models.ConsentEvent{
		Subject: models.SubjectGrant, SubjectID: string(grant.ID), PartnerID: grant.PartnerID, TenantID: &grant.TenantID,
		FromState: string(from), ToState: string(grant.State), Epoch: grant.Epoch,
	}, record{grant: &grant, kind: kind}, c)
}

// addEvent writes the history and the ledger. what is the request or grant after the
// change.
func addEvent(r rows, event models.ConsentEvent, what record, c cause) error {
	event.Actor, event.ActorID, event.HTTPRequest = c.actor.Kind, c.actor.ID, c.actor.HTTPRequest
	event.Reason, event.At = c.reason, c.at
	what.person = c.actor.Person
	if err := r.addEvent(&event, what); err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	return nil
}

// lockGrant takes the grant's gate exclusively and reads grant and clock
// afterwards. It waits for everybody who relies on the grant, and everybody who
// comes later waits for it.
func lockGrant(ctx context.Context, tx *db.Tx, id models.GrantID, s scope) (models.Grant, time.Time, error) {
	r := within(ctx, tx)
	grant, err := r.grant(id, s)
	if err != nil {
		return grant, time.Time{}, err
	}
	if err := tx.Gate(ctx, exclusive(grant.Gate)); err != nil {
		return grant, time.Time{}, err
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return grant, now, fmt.Errorf("read the database's clock: %w", err)
	}
	grant, err = r.grant(id, s)
	return grant, now, err
}
