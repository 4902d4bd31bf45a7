package registration

import (
	"context"
	"errors"
	"log/slog"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// maxAttempts bounds how often one dispatch is matched again after losing a race
// for a device; then it is split.
const maxAttempts = 5

// moment names a place inside a transaction that registers or removes.
type moment int

const (
	decided moment = iota // everything was read, nothing is written
	written               // everything is written, nothing is committed
)

// Registrar executes submissions. It is safe for concurrent use, by any number of
// processes on one PostgreSQL database.
type Registrar struct {
	store store
	ids   *idBlock
	newID func() string
	log   *slog.Logger

	// pause is called inside a transaction at each moment. Tests stop it there,
	// where a process could be stopped; it is never nil.
	pause func(moment)
}

// New makes a Registrar over a database that holds the core's tables. newID gives
// device ids and must give UUIDs of version 7, which keep indexes local; a nil
// logger discards.
func New(d *db.DB, newID func() string, logger *slog.Logger) *Registrar {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := store{db: d}
	return &Registrar{
		store: s, ids: &idBlock{store: s}, newID: newID, log: logger,
		pause: func(moment) {},
	}
}

// Register binds the devices of a submission to its tenant and answers each row.
// Rows may arrive again in any grouping. When the submission is refused as a
// whole, rows answered earlier are still answered. The error is Invalid for a
// submission the contract does not allow, otherwise Unavailable or Internal, and
// then it is open which rows were executed: ask Resolve, or send them again.
func (r *Registrar) Register(ctx context.Context, sub models.Submission) (models.Result, error) {
	if err := checkSubmission(sub); err != nil {
		return models.Result{}, err
	}
	return r.run(ctx, sub.Rows, func(rows []models.CoreRow) step {
		return r.newRegistering(sub, rows)
	})
}

// Remove ends registrations by device id. A row is answered with 807 unless the
// tenant has the device and the caller is the tenant itself or the partner that
// registered it. Everything else is as for Register.
func (r *Registrar) Remove(ctx context.Context, sub models.Submission) (models.Result, error) {
	if err := checkSubmission(sub); err != nil {
		return models.Result{}, err
	}
	return r.run(ctx, sub.Rows, func(rows []models.CoreRow) step {
		return &removing{r: r, sub: withRows(sub, rows)}
	})
}

// step is one attempt at a group of rows, in one transaction.
type step interface {
	// prepare does what needs no transaction; it is called once.
	prepare(ctx context.Context) error
	// execute runs inside a transaction and starts from scratch each time.
	execute(ctx context.Context, tx *db.Tx) (models.Result, error)
}

// run executes rows as one step. A step that keeps losing the race for its
// devices is split, so that one contested device does not hold up 499 others.
func (r *Registrar) run(ctx context.Context, rows []models.CoreRow, plan func([]models.CoreRow) step) (models.Result, error) {
	res, err := r.attempt(ctx, plan(rows))
	if lost := db.IsDuplicate(err) || db.IsConflict(err); !lost || len(rows) < 2 {
		return res, public(err)
	}
	r.log.WarnContext(ctx, "dispatch split after lost races", "rows", len(rows))
	half := len(rows) / 2
	first, err := r.run(ctx, rows[:half], plan)
	if err != nil {
		return models.Result{}, err
	}
	second, err := r.run(ctx, rows[half:], plan)
	if err != nil {
		return models.Result{}, err
	}
	return join(first, second), nil
}

// attempt runs one step until it commits or fails for a reason that matching
// again cannot cure.
func (r *Registrar) attempt(ctx context.Context, s step) (res models.Result, err error) {
	if err := s.prepare(ctx); err != nil {
		return models.Result{}, err
	}
	for range maxAttempts {
		err = r.store.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
			res, err = s.execute(ctx, tx)
			return err
		})
		if !db.IsDuplicate(err) {
			break
		}
	}
	if err != nil {
		return models.Result{}, err
	}
	return res, nil
}

// join puts the results of two halves together. Either refusal stands for both:
// the gateway looks at its grant again whichever half was refused.
func join(a, b models.Result) models.Result {
	a.Answers = append(a.Answers, b.Answers...)
	if a.Refusal == nil {
		a.Refusal = b.Refusal
	}
	return a
}

// public classifies what the database reported. The cause stays for the log.
func public(err error) error {
	switch {
	case err == nil:
		return nil
	case errs.KindOf(err) != errs.Internal:
		return err
	case db.IsUnavailable(err), db.IsDuplicate(err), errors.Is(err, db.ErrCommitUnknown),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errs.New(errs.Unavailable, "core_unavailable", "The registration core cannot answer now. Nothing is lost; the gateway tries again.").WithCause(err)
	}
	return errs.From(err)
}

// withRows is sub with other rows.
func withRows(sub models.Submission, rows []models.CoreRow) models.Submission {
	sub.Rows = rows
	return sub
}
