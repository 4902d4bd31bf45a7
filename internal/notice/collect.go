package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/internal/ledger/proof"
	"countersign/models"
)

// collect writes the mails of the next entries and moves the cursor, in one transaction,
// and returns how many entries that were. A cursor that is new begins at the end: what
// happened before there were mails is news to nobody.
func (s *Service) collect(ctx context.Context) (n int, err error) {
	end, err := s.deps.Feed.End(ctx, ledger.Everything)
	if err != nil {
		return 0, err
	}
	at, known, err := s.store.cursor(ctx, cursorOfLedger)
	if err != nil || known && at >= end {
		return 0, err
	}
	var items []ledger.Item
	if known {
		if items, err = s.deps.Feed.Page(ctx, ledger.Everything, at, pageSize); err != nil {
			return 0, err
		}
	}
	err = s.deps.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		n = 0
		held, err := s.store.holdCursorTx(ctx, tx, cursorOfLedger, end)
		if err != nil || held != at || !known {
			return err // somebody else was faster, or this is the first time
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := s.enter(ctx, tx, item, now); err != nil {
				return fmt.Errorf("entry %d: %w", item.Seq, err)
			}
			held = item.Seq
		}
		n = len(items)
		return s.store.moveCursorTx(ctx, tx, cursorOfLedger, held)
	})
	return n, err
}

// enter writes the mails of one entry.
func (s *Service) enter(ctx context.Context, tx *db.Tx, item ledger.Item, now time.Time) error {
	var l proof.Line
	if err := json.Unmarshal(item.Line, &l); err != nil {
		return err
	}
	at, err := l.Time()
	if err != nil {
		return err
	}
	o := occasion{name: nameOf(l), key: l.ID}
	if o.name == "" || l.PartnerID == "" || now.Sub(at) > oldNews {
		return nil
	}
	if o.terms, err = readTerms(l.Body); err != nil { // one entry must not keep the others from being told
		s.deps.Logger.ErrorContext(ctx, "nobody is told of an entry whose body cannot be read", "entry", l.ID, "error", err)
		return nil
	}
	if o.partner, err = s.store.partnerTx(ctx, tx, models.PartnerID(l.PartnerID)); err != nil {
		return err
	}
	if l.TenantID != "" {
		tenant, err := s.store.tenantTx(ctx, tx, models.TenantID(l.TenantID))
		if err != nil {
			return err
		}
		o.tenant = &tenant
	}
	if l.Subject == ledger.OfRequest {
		o.named = o.terms.Tenant
		muted, err := s.store.mutedTx(ctx, tx, models.RequestID(l.SubjectID))
		if err != nil {
			return err
		}
		if muted { // the tenant does not want to hear of this partner; the partner is not told so
			o.tenant = nil
		}
	}
	return s.tell(ctx, tx, o, now)
}

// tell puts an occasion's mails into the outbox: one for each admin of the tenant, and
// one for the partner's contact.
func (s *Service) tell(ctx context.Context, tx *db.Tx, o occasion, now time.Time) error {
	if o.tenant != nil {
		named := o
		named.named = ""
		subject, text := s.compose.forTenant(named)
		if err := s.toAdmins(ctx, tx, *o.tenant, o.key, subject, text, now); err != nil {
			return err
		}
	}
	if models.ValidMailAddress(o.partner.ContactEmail) {
		subject, text := s.compose.forPartner(o)
		return s.store.addTx(ctx, tx, s.mail(o.key+"/"+string(o.partner.ID), o.partner.ContactEmail, subject, text, now))
	}
	return nil
}

// toAdmins writes one mail to each active admin of a tenant who has an address.
func (s *Service) toAdmins(ctx context.Context, tx *db.Tx, tenant models.Tenant, key, subject, text string, now time.Time) error {
	admins, err := s.store.adminsTx(ctx, tx, tenant.ID)
	if err != nil {
		return err
	}
	for _, p := range admins {
		if p.EffectiveRole() != models.PersonAdmin || !models.ValidMailAddress(p.Email) {
			continue
		}
		if err := s.store.addTx(ctx, tx, s.mail(key+"/"+string(p.ID), p.Email, subject, text, now)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) mail(key, to, subject, text string, now time.Time) models.Notice {
	return models.Notice{
		ID: s.deps.NewID(), Occasion: key, Recipient: to, Subject: subject, Body: text,
		State: models.NoticeReady, RunAt: now, CreatedAt: now,
	}
}
