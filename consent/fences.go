package consent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/models"
)

// Retries of a fence: doubled from the first to the last, for ever.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// EnqueueFenceTx asks, in the caller's transaction, that the core refuse work
// whose epoch of the subject is below minEpoch. RunFences delivers it. The caller
// holds the subject's gate exclusively and has raised its epoch to minEpoch.
func (s *Service) EnqueueFenceTx(ctx context.Context, tx *db.Tx, kind models.SubjectKind, id string, minEpoch int64) error {
	now, err := tx.Now(ctx)
	if err == nil {
		err = within(ctx, tx).raiseFence(kind, id, minEpoch, now)
	}
	if err != nil {
		return fmt.Errorf("ask for a fence: %w", err)
	}
	return nil
}

// RunFences delivers fences, completes revocations, expires what is overdue and, at
// first and then every minute, restores fences that the core lost, until ctx ends.
// Several replicas may run it at once.
func (s *Service) RunFences(ctx context.Context) {
	ticks, stop := s.tick(s.sweep)
	defer stop()
	for sweeps := 0; ; sweeps++ {
		err := s.RunFencesOnce(ctx)
		if sweeps%compareEvery == 0 {
			if lost := s.RestoreFences(ctx); lost != nil {
				err, sweeps = errors.Join(err, lost), sweeps-1 // with the next sweep
			}
		}
		if err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "consent sweep", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}

// RunFencesOnce makes one pass. A part that fails does not keep the others from
// their work; what is left is found again by the next pass.
func (s *Service) RunFencesOnce(ctx context.Context) error {
	return errors.Join(s.expireRequests(ctx), s.expireGrants(ctx), s.deliverDue(ctx))
}

// deliverDue asks the core for every fence that is due. A core that does not
// answer in time ends the pass: the others would wait in vain too.
func (s *Service) deliverDue(ctx context.Context) error {
	now, err := s.db.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	due, err := s.rows(ctx).dueFences(now)
	if err != nil {
		return fmt.Errorf("list due fences: %w", err)
	}
	var failed []error
	for _, fence := range due {
		err := s.deliver(ctx, fence)
		if err != nil {
			failed = append(failed, fmt.Errorf("fence %s %s: %w", fence.Kind, fence.SubjectID, err))
		}
		if errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}

// deliver makes one attempt and records how it went. The transaction that records
// the acknowledgement also completes the revocation that waits for it.
func (s *Service) deliver(ctx context.Context, fence models.Fence) error {
	if err := db.RefuseInTx(ctx, "a call of the core"); err != nil {
		return err
	}
	call, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	if err := s.sink.Fence(call, fence.Kind, fence.SubjectID, fence.MinEpoch); err != nil {
		return errors.Join(err, s.postpone(ctx, fence, err))
	}
	last, err := s.lastUnder(ctx, fence)
	if err != nil {
		return errors.Join(err, s.postpone(ctx, fence, err))
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		if fence.Kind == models.SubjectOfGrant {
			if err := finishRevoking(ctx, tx, fence, last); err != nil {
				return err
			}
		}
		now, err := tx.Now(ctx)
		if err == nil {
			err = within(ctx, tx).ackFence(fence, now)
		}
		if err != nil {
			return fmt.Errorf("record the acknowledgement: %w", err)
		}
		return nil
	})
}

func (s *Service) postpone(ctx context.Context, fence models.Fence, cause error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := tx.Now(ctx)
		if err == nil {
			err = within(ctx, tx).postponeFence(fence, now.Add(s.backoff(fence.Attempts)), short(cause))
		}
		if err != nil {
			return fmt.Errorf("postpone the fence: %w", err)
		}
		return nil
	})
}

// backoff doubles with the attempts already made and keeps at least half, so that
// replicas spread and none hammers.
func (s *Service) backoff(attempts int) time.Duration {
	full := lastRetry
	if attempts < 6 {
		full = min(lastRetry, firstRetry<<attempts)
	}
	return full/2 + time.Duration(s.jitter()*float64(full/2))
}

// short cuts an error to what a table of open fences can show.
func short(err error) string {
	const longest = 200
	text := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", ""), "")
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest])
	}
	return text
}
