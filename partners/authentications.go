package partners

import (
	"context"
	"log/slog"
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

// notesWaiting bounds what waits to be written. More is in the log alone.
const notesWaiting = 1000

// NoteAuthentication keeps in the operators' chain of the ledger that a client proved itself
// from an address, or that somebody failed to in its name: the first time of each day, because a
// line gets a token every few minutes and an auditor asks from where, not how often. A client
// that nobody holds is not noted. It only remembers, and RunNotes writes: a refusal must not
// take longer for a client that is there than for one that is not.
func (r *Registry) NoteAuthentication(id models.ClientID, source string, refused bool) {
	now := r.deps.Now()
	seen := models.ClientSource{ClientID: id, Day: dayOf(now), Source: source, Refused: refused}
	if !validClientID(id) || !r.noted.due(seen, now) {
		return
	}
	select {
	case r.notes <- seen:
	default:
		r.noted.undo(seen)
	}
}

// RunNotes writes what is noted until ctx ends, and then what waits still. What cannot be
// written is logged, and noted at the next time.
func (r *Registry) RunNotes(ctx context.Context, log *slog.Logger) {
	for {
		select {
		case seen := <-r.notes:
			r.tryNote(ctx, seen, log)
		case <-ctx.Done():
			r.WriteNotes(context.WithoutCancel(ctx), log)
			return
		}
	}
}

// WriteNotes writes what waits now.
func (r *Registry) WriteNotes(ctx context.Context, log *slog.Logger) {
	for {
		select {
		case seen := <-r.notes:
			r.tryNote(ctx, seen, log)
		default:
			return
		}
	}
}

func (r *Registry) tryNote(ctx context.Context, seen models.ClientSource, log *slog.Logger) {
	if err := r.writeNote(ctx, seen); err != nil {
		r.noted.undo(seen)
		log.WarnContext(ctx, "an authentication was not noted", "client", seen.ClientID, "source", seen.Source, "refused", seen.Refused, "cause", err)
	}
}

func (r *Registry) writeNote(ctx context.Context, seen models.ClientSource) error {
	client, err := r.Client(ctx, seen.ClientID)
	if err != nil {
		if errs.KindOf(err) == errs.NotFound { // made-up ids must not cost a transaction each
			return nil
		}
		return err
	}
	return r.inTx(ctx, func(ctx context.Context, t change) error {
		if fresh, err := t.addSource(seen, sourcesADay); err != nil || !fresh {
			return err
		}
		return t.noteAuthentication(ctx, client, seen)
	})
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
