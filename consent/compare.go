package consent

import (
	"context"
	"fmt"
	"log/slog"

	"countersign/internal/db"
	"countersign/models"
)

// FenceReader tells which fences the core keeps.
type FenceReader interface {
	// Fences returns the fences of those subjects that have one, each with the least
	// epoch it lets through. The epochs given do not matter; at most sweepSize
	// subjects are asked about at once.
	Fences(ctx context.Context, subjects []models.SubjectEpoch) ([]models.SubjectEpoch, error)
}

// compareEvery is how many sweeps lie between two comparisons with the core.
const compareEvery = 60

// RestoreFences sets again what the core acknowledged and no longer knows, as after it
// was restored from a backup, and ends grants that stand here and not in the core, as
// after this database was. Until that is done, such a core would execute work that
// was stopped, so it must be done before a core that was away gets work. Without a
// FenceReader it does nothing.
func (s *Service) RestoreFences(ctx context.Context) error {
	if s.reader == nil {
		return nil
	}
	if err := db.RefuseInTx(ctx, "a comparison with the core"); err != nil {
		return err
	}
	var last models.Fence
	for {
		page, err := s.rows(ctx).ackedFences(last)
		if err != nil {
			return fmt.Errorf("list acknowledged fences: %w", err)
		}
		if len(page) == 0 {
			return s.findLostEnds(ctx)
		}
		if err := s.restore(ctx, page); err != nil {
			return err
		}
		last = page[len(page)-1]
	}
}

// findLostEnds ends grants that stand here and are fenced in the core: this database is
// older than the core's, as after a restored backup.
func (s *Service) findLostEnds(ctx context.Context) error {
	var after models.GrantID
	for {
		page, err := s.rows(ctx).liveGrants(after)
		if err != nil {
			return fmt.Errorf("list live grants: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		asked := make([]models.Fence, len(page))
		for i, grant := range page {
			asked[i] = models.Fence{Kind: models.SubjectOfGrant, SubjectID: string(grant.ID), MinEpoch: grant.Epoch}
		}
		kept, err := s.keptByCore(ctx, asked)
		if err != nil {
			return fmt.Errorf("compare grants with the core: %w", err)
		}
		for _, grant := range page {
			fence := kept[subject{models.SubjectOfGrant, string(grant.ID)}]
			if fence <= grant.Epoch {
				continue
			}
			if err := s.ForceRevoked(ctx, grant.ID, fence, "the core's fence is ahead of the gateway"); err != nil {
				return fmt.Errorf("end grant %s: %w", grant.ID, err)
			}
		}
		after = page[len(page)-1].ID
	}
}

// liveGrants lists grants that have not ended, in the order of their ids.
func (r rows) liveGrants(after models.GrantID) ([]models.Grant, error) {
	var found []models.Grant
	err := r.g.Where("state IN ('active', 'suspended') AND id > ?", after).Order("id").Limit(sweepSize).Find(&found).Error
	return found, err
}

// restore compares one page.
func (s *Service) restore(ctx context.Context, page []models.Fence) error {
	kept, err := s.keptByCore(ctx, page)
	if err != nil {
		return fmt.Errorf("compare fences with the core: %w", err)
	}
	lost := 0
	for _, fence := range page {
		if kept[subject{fence.Kind, fence.SubjectID}] >= fence.MinEpoch {
			continue
		}
		if err := s.setAgain(ctx, fence); err != nil {
			return fmt.Errorf("set the fence of %s %s again: %w", fence.Kind, fence.SubjectID, err)
		}
		lost++
	}
	if lost > 0 {
		s.log.ErrorContext(ctx, "the core had lost fences: was a backup of it restored? They are set again", slog.Int("fences", lost))
	}
	return nil
}

func (s *Service) keptByCore(ctx context.Context, page []models.Fence) (map[subject]int64, error) {
	call, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	asked := make([]models.SubjectEpoch, len(page))
	for i, fence := range page {
		asked[i] = models.SubjectEpoch{Kind: fence.Kind, ID: fence.SubjectID, Epoch: fence.MinEpoch}
	}
	found, err := s.reader.Fences(call, asked)
	if err != nil {
		return nil, err
	}
	kept := make(map[subject]int64, len(found))
	for _, e := range found {
		kept[subject{e.Kind, e.ID}] = e.Epoch
	}
	return kept, nil
}

func (s *Service) setAgain(ctx context.Context, fence models.Fence) error {
	call, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	return s.sink.Fence(call, fence.Kind, fence.SubjectID, fence.MinEpoch)
}

// subject is what a fence is about.
type subject struct {
	kind models.SubjectKind
	id   string
}
