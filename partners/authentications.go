package partners

import (
	"context"
	"time"

	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/models"
)

// sourcesADay bounds what one client can add to the ledger in a day: whoever tries from
// everywhere is told in the log, too.
const sourcesADay = 100

// notedAuthentication is the body of an entry.
type notedAuthentication struct {
	Owner     models.OwnerKind        `json:"owner"`
	PartnerID models.PartnerID        `json:"partnerId,omitzero"`
	TenantID  models.TenantID         `json:"tenantId,omitzero"`
	Source    string                  `json:"source"`
	Method    models.ClientAuthMethod `json:"authMethod"`
	Profile   models.ClientProfile    `json:"profile"`
	Day       string                  `json:"day"`
}

// NoteAuthentication keeps in the operators' chain of the ledger that a client proved itself
// from an address, or that somebody failed to in its name: the first time of each day, because a
// line gets a token every few minutes and an auditor asks from where, not how often. A client
// that nobody holds is not noted.
func (r *Registry) NoteAuthentication(ctx context.Context, id models.ClientID, source string, refused bool) error {
	now := r.deps.Now()
	seen := models.ClientSource{ClientID: id, Day: dayOf(now), Source: source, Refused: refused}
	if !validClientID(id) || !r.noted.due(seen, now) {
		return nil
	}
	client, err := r.Client(ctx, id)
	if err != nil { // made-up ids must not cost a transaction each
		return r.unnoted(seen, err)
	}
	err = r.inTx(ctx, func(ctx context.Context, t change) error {
		if fresh, err := t.addSource(seen, sourcesADay); err != nil || !fresh {
			return err
		}
		return t.noteAuthentication(ctx, client, seen)
	})
	return r.unnoted(seen, err)
}

// unnoted tells which errors matter: not that nobody holds the id.
func (r *Registry) unnoted(seen models.ClientSource, err error) error {
	if err == nil || errs.KindOf(err) == errs.NotFound {
		return nil
	}
	r.noted.undo(seen)
	return err
}

func (t change) noteAuthentication(ctx context.Context, c models.OAuthClient, seen models.ClientSource) error {
	body := notedAuthentication{Owner: c.OwnerKind, Source: seen.Source, Method: c.AuthMethod, Profile: c.Profile, Day: seen.Day}
	if c.PartnerID != nil {
		body.PartnerID = *c.PartnerID
	}
	if c.TenantID != nil {
		body.TenantID = *c.TenantID
	}
	return ledger.AddTx(ctx, t.tx, ledger.Entry{
		Kind: pick(seen.Refused, ledger.ClientRefused, ledger.ClientAuthenticated), Subject: ledger.OfClient, SubjectID: string(c.ID),
		Actor: models.ActorSystem, ActorID: "token endpoint", At: t.now, Body: body,
	})
}

func dayOf(at time.Time) string { return at.UTC().Format(time.DateOnly) }
