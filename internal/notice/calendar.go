package notice

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// warnDays are how many days before its end a permission is spoken of.
var warnDays = []int{1, 7, 30}

// digestHour is from when on the mails about the day before are written, UTC.
const digestHour = 5

const day = 24 * time.Hour

// calendar writes the mails that no entry of the ledger tells of. All of it may be done
// again at any time: each mail has a key.
func (s *Service) calendar(ctx context.Context, now time.Time) error {
	if err := s.warn(ctx, now); err != nil {
		return err
	}
	if err := s.digest(ctx, now); err != nil {
		return err
	}
	return s.store.sweep(ctx, now.Add(-keepDone))
}

// warn writes the mails about permissions that end soon.
func (s *Service) warn(ctx context.Context, now time.Time) error {
	longest := warnDays[len(warnDays)-1]
	for after := models.GrantID(""); ; {
		grants, err := s.store.ending(ctx, now, now.Add(time.Duration(longest)*day), after, pageSize)
		if err != nil {
			return err
		}
		for _, g := range grants {
			if err := s.warnOf(ctx, g, now); err != nil {
				return fmt.Errorf("grant %s: %w", g.ID, err)
			}
			after = g.ID
		}
		if len(grants) < pageSize {
			return nil
		}
	}
}

// warnOf writes the mail for the nearest of warnDays that a grant has come to. One that
// was given for a shorter time than that is not spoken of so soon.
func (s *Service) warnOf(ctx context.Context, g models.Grant, now time.Time) error {
	for _, days := range warnDays {
		before := time.Duration(days) * day
		if g.ExpiresAt.Sub(now) > before {
			continue
		}
		if g.ExpiresAt.Sub(g.CreatedAt) <= before {
			return nil
		}
		return s.deps.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			o := occasion{name: "expiring", key: fmt.Sprintf("expiring/%s/%d/%d", g.ID, g.ExpiresAt.Unix(), days), days: days}
			var err error
			if o.partner, err = s.store.partnerTx(ctx, tx, g.PartnerID); err != nil {
				return err
			}
			tenant, err := s.store.tenantTx(ctx, tx, g.TenantID)
			if err != nil {
				return err
			}
			o.tenant = &tenant
			return s.tell(ctx, tx, o, now)
		})
	}
	return nil
}

// counted is how many devices a partner registered for a tenant.
type counted struct {
	TenantID models.TenantID
	Name     string // of the partner
	Devices  int64
}

// digest writes the mails about the day before, once.
func (s *Service) digest(ctx context.Context, now time.Time) error {
	today := now.UTC().Truncate(day)
	if now.UTC().Hour() < digestHour {
		return nil
	}
	number := today.Unix() / int64(day/time.Second)
	at, known, err := s.store.cursor(ctx, cursorOfDigest)
	if err != nil || known && at >= number {
		return err
	}
	yesterday := today.Add(-day)
	counts, err := s.store.registeredBetween(ctx, yesterday, today)
	if err != nil {
		return err
	}
	return s.deps.DB.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		held, err := s.store.holdCursorTx(ctx, tx, cursorOfDigest, number-1)
		if err != nil || held >= number {
			return err
		}
		for len(counts) > 0 {
			n := 1
			for n < len(counts) && counts[n].TenantID == counts[0].TenantID {
				n++
			}
			if err := s.digestOf(ctx, tx, yesterday, counts[:n], now); err != nil {
				return err
			}
			counts = counts[n:]
		}
		return s.store.moveCursorTx(ctx, tx, cursorOfDigest, number)
	})
}

func (s *Service) digestOf(ctx context.Context, tx *db.Tx, of time.Time, counts []counted, now time.Time) error {
	tenant, err := s.store.tenantTx(ctx, tx, counts[0].TenantID)
	if err != nil {
		return err
	}
	subject, text := s.compose.forDigest(tenant, of, counts)
	return s.toAdmins(ctx, tx, tenant, fmt.Sprintf("digest/%s/%s", tenant.ID, of.Format(time.DateOnly)), subject, text, now)
}
