package consent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/models"
)

// Refusals about links between partners.
var (
	// ErrLinkNotFound: no such link, or none of the caller's.
	ErrLinkNotFound = errs.New(errs.NotFound, "link_not_found", "There is no link with this id that you may see.")
	// ErrLinkExists: the two are linked, or the provider has not answered yet.
	ErrLinkExists = errs.New(errs.Conflict, "link_exists", "You and this provider are linked already, or it has not answered yet.")
	// ErrLinkState: the link has moved on.
	ErrLinkState = errs.New(errs.Conflict, "link_wrong_state", "The link is not in a state in which this can happen. Read it again.")
)

// MakeLink offers an indirect provider to act under the grants of the actor, an
// indirect reseller. The provider, or an operator for it, accepts.
func (s *Service) MakeLink(ctx context.Context, actor Actor, provider models.PartnerID) (models.PartnerLink, error) {
	if actor.Kind != models.ActorPartner || actor.PartnerID == "" {
		return models.PartnerLink{}, ErrNotYours
	}
	link := models.PartnerLink{
		ID: models.LinkID(s.newID()), ResellerID: actor.PartnerID, ProviderID: provider, State: models.LinkPending, CreatedBy: actor.ID,
	}
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := s.lockLink(ctx, tx, link)
		if err != nil {
			return err
		}
		r := within(ctx, tx)
		if err := r.mayLink(link); err != nil {
			return err
		}
		link.CreatedAt = now
		if err := r.g.Create(&link).Error; db.IsDuplicate(err) {
			return ErrLinkExists
		} else if err != nil {
			return fmt.Errorf("add a link: %w", err)
		}
		return noteLink(ctx, tx, link, ledger.LinkOffered, cause{actor: actor, at: now})
	})
	return link, err
}

// mayLink refuses partners of other kinds. Whether an unknown partner exists is not
// told apart from one of another kind.
func (r rows) mayLink(link models.PartnerLink) error {
	var found []models.Partner
	if err := r.g.Where("id IN ?", []models.PartnerID{link.ResellerID, link.ProviderID}).Find(&found).Error; err != nil {
		return fmt.Errorf("read the partners of a link: %w", err)
	}
	is := func(id models.PartnerID, kind models.PartnerKind) bool {
		return slices.ContainsFunc(found, func(p models.Partner) bool { return p.ID == id && p.Kind == kind })
	}
	switch {
	case !is(link.ResellerID, models.IndirectReseller):
		return ErrInvalid.WithDetail("Only an indirect reseller links a provider.")
	case !is(link.ProviderID, models.IndirectProvider):
		return ErrInvalid.WithFields(errs.Field{Name: "provider", Cause: "is not the id of an indirect provider"})
	}
	return nil
}

// lockLink takes the gates of both partners exclusively, in the order of their ids:
// nobody gives a grant to the reseller, or acts under one, while its links change.
func (s *Service) lockLink(ctx context.Context, tx *db.Tx, link models.PartnerLink) (time.Time, error) {
	var gates []int64
	err := within(ctx, tx).g.Model(&models.Partner{}).Where("id IN ?", []models.PartnerID{link.ResellerID, link.ProviderID}).
		Order("gate").Pluck("gate", &gates).Error
	if err != nil {
		return time.Time{}, fmt.Errorf("find the gates of a link: %w", err)
	}
	locks := make([]db.Lock, len(gates))
	for i, gate := range gates {
		locks[i] = exclusive(gate)
	}
	if err := tx.Gate(ctx, locks...); err != nil {
		return time.Time{}, err
	}
	return tx.Now(ctx)
}

// AcceptLink says yes for the provider: the provider itself, or an operator for it.
// Grants that the reseller is given from now on let the provider act too. For those it
// has, the provider asks each customer: their requests are made here.
func (s *Service) AcceptLink(ctx context.Context, actor Actor, id models.LinkID) (models.PartnerLink, error) {
	return s.changeLink(ctx, actor, id, func(ctx context.Context, tx *db.Tx, link models.PartnerLink, now time.Time) (models.PartnerLink, error) {
		if actor.Kind == models.ActorPartner && actor.PartnerID != link.ProviderID {
			return link, ErrNotYours
		}
		if link.State != models.LinkPending {
			return link, ErrLinkState
		}
		link.State, link.AcceptedBy, link.AcceptedAt = models.LinkActive, &actor.ID, &now
		if err := s.askUnderAll(within(ctx, tx), link, actor, now); err != nil {
			return link, err
		}
		return link, noteLink(ctx, tx, link, ledger.LinkAccepted, cause{actor: actor, at: now})
	})
}

// EndLink ends a link, offered or accepted, for either side or an operator. The derived
// grants that rest on it end in the same transaction.
func (s *Service) EndLink(ctx context.Context, actor Actor, id models.LinkID, reason string) (models.PartnerLink, error) {
	if err := checkReasonOf(actor, reason); err != nil {
		return models.PartnerLink{}, err
	}
	return s.changeLink(ctx, actor, id, func(ctx context.Context, tx *db.Tx, link models.PartnerLink, now time.Time) (models.PartnerLink, error) {
		if link.State == models.LinkEnded {
			return link, ErrLinkState
		}
		kind := actor.Kind
		link.State, link.EndedBy, link.EndedAt = models.LinkEnded, &kind, &now
		if err := endUnder(ctx, tx, link, actor); err != nil {
			return link, err
		}
		if err := withdrawUnder(within(ctx, tx), link, now); err != nil {
			return link, err
		}
		return link, noteLink(ctx, tx, link, ledger.LinkEnded, cause{actor: actor, reason: reason, at: now})
	})
}

// changeLink performs one change of a link under the gates of both partners.
func (s *Service) changeLink(ctx context.Context, actor Actor, id models.LinkID,
	change func(context.Context, *db.Tx, models.PartnerLink, time.Time) (models.PartnerLink, error),
) (models.PartnerLink, error) {
	var link models.PartnerLink
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r := within(ctx, tx)
		found, err := r.link(id, actor)
		if err != nil {
			return err
		}
		now, err := s.lockLink(ctx, tx, found)
		if err != nil {
			return err
		}
		if found, err = r.link(id, actor); err != nil {
			return err
		}
		if link, err = change(ctx, tx, found, now); err != nil {
			return err
		}
		return r.saveLink(found, link)
	})
	return link, err
}

const noLongerLinked = "reseller and provider are linked no more"

// endUnder ends what rests on a link, in the order of the gates.
func endUnder(ctx context.Context, tx *db.Tx, link models.PartnerLink, by Actor) error {
	r := within(ctx, tx)
	under := func() (found []models.Grant, err error) {
		err = r.g.Where("link_id = ? AND state IN ('active', 'suspended')", link.ID).Order("gate, id").Find(&found).Error
		return found, err
	}
	found, err := under()
	if err != nil {
		return fmt.Errorf("list what rests on a link: %w", err)
	}
	locks := make([]db.Lock, len(found))
	for i, grant := range found {
		locks[i] = exclusive(grant.Gate)
	}
	if err := tx.Gate(ctx, locks...); err != nil {
		return err
	}
	if found, err = under(); err != nil {
		return fmt.Errorf("list what rests on a link: %w", err)
	}
	now, err := tx.Now(ctx)
	if err != nil {
		return err
	}
	for _, grant := range found {
		c := cause{actor: by, reason: noLongerLinked, at: now}
		if _, err := moveGrant(r, grant, models.GrantRevoking, c, 0); err != nil {
			return err
		}
	}
	return nil
}

// withdrawUnder takes back what the provider still asks the reseller's customers for.
func withdrawUnder(r rows, link models.PartnerLink, now time.Time) error {
	var waiting []models.ConsentRequest
	err := r.g.Where(`state = ? AND partner_id = ? AND derives IN (SELECT id FROM grants WHERE partner_id = ?)`,
		models.RequestPending, link.ProviderID, link.ResellerID).Order("id").Find(&waiting).Error
	if err != nil {
		return fmt.Errorf("list what a provider asks for: %w", err)
	}
	for _, request := range waiting {
		request.State = models.RequestWithdrawn
		_, err := moveRequest(r, models.RequestPending, request, cause{actor: system, reason: noLongerLinked, at: now})
		if err != nil && !errors.Is(err, ErrWrongState) { // answered at this moment; the answer sees the end of the link
			return err
		}
	}
	return nil
}

// askUnderAll makes the provider's requests to the customers that have agreed to the
// reseller already. The caps of requests do not apply: the reseller's customers are
// few, and each is asked once a link.
func (s *Service) askUnderAll(r rows, link models.PartnerLink, by Actor, now time.Time) error {
	var grants []models.Grant
	err := r.g.Where("partner_id = ? AND derived_from IS NULL AND state IN ('active', 'suspended') AND expires_at > ?", link.ResellerID, now).
		Order("id").Find(&grants).Error
	if err != nil {
		return fmt.Errorf("list the reseller's grants: %w", err)
	}
	for _, grant := range grants {
		request := models.ConsentRequest{
			ID: models.RequestID(s.newID()), PartnerID: link.ProviderID, TenantRef: string(grant.TenantID), TenantID: &grant.TenantID,
			State: models.RequestPending, Purpose: "Register devices for the reseller you have agreed to, under the same permission.",
			Scopes: grant.Scopes, Derives: &grant.ID, GrantUntil: grant.ExpiresAt,
			ExpiresAt: earlier(grant.ExpiresAt, now.Add(defaultRequest)), CreatedBy: models.ClientID(by.ID), CreatedAt: now,
		}
		if request.Muted, err = r.isBlocked(grant.TenantID, link.ProviderID); err != nil {
			return fmt.Errorf("look for a block: %w", err)
		}
		asking := Actor{Kind: models.ActorPartner, ID: by.ID, PartnerID: link.ProviderID, HTTPRequest: by.HTTPRequest}
		if _, err := moveRequest(r, "", request, cause{actor: asking, at: now}); err != nil {
			return err
		}
	}
	return nil
}

// Links lists the links of a partner, or for an operator of the one it names, the
// newest first; at most MaxPage.
func (s *Service) Links(ctx context.Context, actor Actor, partner models.PartnerID) ([]models.PartnerLink, error) {
	switch {
	case actor.Kind == models.ActorPartner && actor.PartnerID != "":
		partner = actor.PartnerID
	case actor.Kind != models.ActorOperator:
		return nil, ErrNotYours
	}
	var found []models.PartnerLink
	g := s.rows(ctx).g
	if partner != "" {
		g = g.Where("reseller_id = ? OR provider_id = ?", partner, partner)
	}
	if err := g.Order("created_at DESC, id DESC").Limit(MaxPage).Find(&found).Error; err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	return found, nil
}

// link reads one link of the actor's.
func (r rows) link(id models.LinkID, actor Actor) (models.PartnerLink, error) {
	var found []models.PartnerLink
	g := r.g.Where("id = ?", id)
	switch {
	case actor.Kind == models.ActorPartner && actor.PartnerID != "":
		g = g.Where("(reseller_id = ? OR provider_id = ?)", actor.PartnerID, actor.PartnerID)
	case actor.Kind != models.ActorOperator:
		return models.PartnerLink{}, ErrNotYours
	}
	if err := g.Limit(1).Find(&found).Error; err != nil {
		return models.PartnerLink{}, fmt.Errorf("read a link: %w", err)
	}
	if len(found) == 0 {
		return models.PartnerLink{}, ErrLinkNotFound
	}
	return found[0], nil
}

// linksOf lists the active links of a reseller.
func (r rows) linksOf(reseller models.PartnerID) ([]models.PartnerLink, error) {
	var found []models.PartnerLink
	err := r.g.Where("reseller_id = ? AND state = ?", reseller, models.LinkActive).Order("id").Find(&found).Error
	return found, err
}

// saveLink changes a link that is still as it was read.
func (r rows) saveLink(before, after models.PartnerLink) error {
	done := r.g.Exec(`UPDATE partner_links SET state = ?, accepted_by = ?, accepted_at = ?, ended_by = ?, ended_at = ?
		WHERE id = ? AND state = ?`, after.State, after.AcceptedBy, after.AcceptedAt, after.EndedBy, after.EndedAt, before.ID, before.State)
	if done.Error != nil {
		return fmt.Errorf("change a link: %w", done.Error)
	}
	if done.RowsAffected != 1 {
		return ErrLinkState
	}
	return nil
}

// noteLink tells both partners' feeds.
func noteLink(ctx context.Context, tx *db.Tx, link models.PartnerLink, kind string, c cause) error {
	for _, partner := range []models.PartnerID{link.ResellerID, link.ProviderID} {
		err := ledger.AddTx(ctx, tx, ledger.Entry{
			Kind: kind, Subject: "link", SubjectID: string(link.ID), PartnerID: partner, Actor: c.actor.Kind, ActorID: c.actor.ID,
			RequestID: c.actor.HTTPRequest, At: c.at, Body: recordedLink{link.ResellerID, link.ProviderID, string(link.State), c.reason},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// recordedLink is a link in an entry of the ledger.
type recordedLink struct {
	Reseller models.PartnerID `json:"reseller"`
	Provider models.PartnerID `json:"provider"`
	State    string           `json:"state"`
	Reason   string           `json:"reason,omitzero"`
}
