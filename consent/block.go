package consent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// Blocking is how a tenant blocks a partner.
type Blocking struct {
	Reason   string // for the tenant's own eyes; may be empty
	EndGrant bool   // also revoke the partner's live grants, of its own and under others'; otherwise they stay
}

// Block is a partner that a tenant does not want to be asked by.
type Block struct {
	Partner     models.PartnerID
	PartnerName string
	Reason      string
	By          string // client id or person id
	Since       time.Time
	Ended       *Revocation // what became of its live grants; only in the answer to Block with EndGrant
}

// Block stops a partner from asking the actor's tenant. The partner is not told: its
// requests are answered as before, never reach the tenant, and expire. Those that wait
// disappear from the tenant's list. Blocking twice changes nothing but may end the grant.
// ErrNotFound means that there is no such partner.
func (s *Service) Block(ctx context.Context, actor Actor, partner models.PartnerID, how Blocking) (Block, error) {
	if err := checkReason(how.Reason); err != nil {
		return Block{}, err
	}
	err := s.decideOn(ctx, actor, partner, func(ctx context.Context, tx *db.Tx, now time.Time) error {
		made := models.PartnerBlock{
			TenantID: actor.TenantID, PartnerID: partner, Reason: strings.TrimSpace(how.Reason), CreatedBy: actor.ID, CreatedAt: now,
		}
		fresh, err := within(ctx, tx).addBlock(made)
		if err != nil || !fresh {
			return err
		}
		return blockEvent(ctx, tx, made, true, cause{actor: actor, reason: made.Reason, at: now})
	})
	if err != nil {
		return Block{}, err
	}
	blocks, err := s.blocks(ctx, actor.TenantID, partner)
	if err != nil {
		return Block{}, err
	}
	if len(blocks) == 0 {
		return Block{}, ErrWrongState // somebody took it back at the same moment
	}
	block := blocks[0]
	if how.EndGrant {
		block.Ended, err = s.endLive(ctx, actor, partner)
	}
	return block, err
}

// endLive revokes whatever the partner may do for the tenant: its own live grant, and those
// by which it acts for others; nil when there is none. The answer is that of the one whose
// end has come least far. The reason of a block is not given: ends are told to the partner.
func (s *Service) endLive(ctx context.Context, actor Actor, partner models.PartnerID) (*Revocation, error) {
	live, err := s.rows(ctx).liveOfPair(partner, actor.TenantID)
	if err != nil {
		return nil, fmt.Errorf("look for live grants: %w", err)
	}
	var answer *Revocation
	for _, grant := range live {
		ended, err := s.Revoke(ctx, actor, grant.ID, "")
		if errors.Is(err, ErrWrongState) {
			continue // its time was over just now
		}
		if err != nil {
			return nil, err
		}
		if answer == nil || answer.Done && !ended.Done {
			answer = &ended
		}
	}
	return answer, nil
}

// liveOfPair lists what a partner may act under for a tenant, its own grant first.
func (r rows) liveOfPair(partner models.PartnerID, tenant models.TenantID) ([]models.Grant, error) {
	var found []models.Grant
	err := r.g.Where("partner_id = ? AND tenant_id = ? AND state IN ('active', 'suspended')", partner, tenant).
		Order("derived_from IS NOT NULL, gate, id").Find(&found).Error
	return found, err
}

// Unblock lets a partner ask again. What it asked while it was blocked stays unseen.
// Unblocking a partner that is not blocked changes nothing.
func (s *Service) Unblock(ctx context.Context, actor Actor, partner models.PartnerID) error {
	return s.decideOn(ctx, actor, partner, func(ctx context.Context, tx *db.Tx, now time.Time) error {
		block := models.PartnerBlock{TenantID: actor.TenantID, PartnerID: partner}
		found, err := within(ctx, tx).removeBlock(block)
		if err != nil || !found {
			return err
		}
		return blockEvent(ctx, tx, block, false, cause{actor: actor, at: now})
	})
}

// Blocked lists the partners the actor's tenant has blocked, the newest first, at most
// MaxPage.
func (s *Service) Blocked(ctx context.Context, actor Actor) ([]Block, error) {
	if actor.Kind != models.ActorCustomer || actor.TenantID == "" {
		return nil, ErrNotYours
	}
	return s.blocks(ctx, actor.TenantID, "")
}

// decideOn runs a change of the actor's tenant concerning one partner.
func (s *Service) decideOn(ctx context.Context, actor Actor, partner models.PartnerID, fn func(ctx context.Context, tx *db.Tx, now time.Time) error) error {
	if actor.Kind != models.ActorCustomer || actor.TenantID == "" {
		return ErrNotYours
	}
	if !models.ValidGUID(string(partner)) {
		return ErrNotFound
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		r := within(ctx, tx)
		now, err := tx.Now(ctx)
		if err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
		if err := mayDecide(r, actor, now); err != nil {
			return err
		}
		if _, _, err := r.parties(actor.TenantID, []models.PartnerID{partner}); err != nil {
			return err
		}
		return fn(ctx, tx, now)
	})
}

// blocks reads the blocks of a tenant, or one of them, with the partners' names.
func (s *Service) blocks(ctx context.Context, tenant models.TenantID, only models.PartnerID) ([]Block, error) {
	r := s.rows(ctx)
	found, err := r.blocks(tenant, only)
	if err != nil {
		return nil, fmt.Errorf("list blocked partners: %w", err)
	}
	ids := make([]models.PartnerID, len(found))
	for i, block := range found {
		ids[i] = block.PartnerID
	}
	called, err := names(r, ids, func(p models.Partner) (models.PartnerID, string) { return p.ID, p.Name })
	if err != nil {
		return nil, fmt.Errorf("read partners' names: %w", err)
	}
	out := make([]Block, len(found))
	for i, block := range found {
		out[i] = Block{Partner: block.PartnerID, PartnerName: called[block.PartnerID], Reason: block.Reason, By: block.CreatedBy, Since: block.CreatedAt}
	}
	return out, nil
}

// toldBlock is what the ledger says of a block. The partner is the subject and never
// a reader.
type toldBlock struct {
	Partner models.PartnerID `json:"partner"`
	Reason  string           `json:"reason,omitzero"`
	Role    string           `json:"role,omitzero"`
}

// blockEvent writes a block or its end into the tenant's part of the ledger. The
// partner is in neither: it is not told.
func blockEvent(ctx context.Context, tx *db.Tx, block models.PartnerBlock, set bool, c cause) error {
	kind := ledger.PartnerUnblocked
	if set {
		kind = ledger.PartnerBlocked
	}
	body := toldBlock{Partner: block.PartnerID, Reason: c.reason}
	if c.actor.Person != nil {
		body.Role = string(c.actor.Person.Role)
	}
	return ledger.AddTx(ctx, tx, ledger.Entry{
		Kind: kind, Subject: ledger.OfPartner, SubjectID: string(block.PartnerID), TenantID: block.TenantID,
		Actor: c.actor.Kind, ActorID: c.actor.ID, RequestID: c.actor.HTTPRequest, At: c.at, Body: body,
	})
}
