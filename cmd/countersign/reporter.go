package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"countersign/cmd/countersign/internal/factoryfile"
	"countersign/cmd/countersign/internal/reportbook"
	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// reporter takes the files of one folder through. It can stop after any step; the
// next run finds in the book how far it came.
type reporter struct {
	*delivery
	options  reportOptions
	set      reportSet
	progress *progress

	target  reportbook.Target
	book    *reportbook.Book
	ledger  *reportbook.Ledger
	resumed map[string]bool // files of reports an earlier run began and this one sent
	waits   *waiter
	current gathering
	earlier machines // in reports that are sent and not known to be settled
	out     *factoryReport
	refused []refusedFile
	present map[string]bool // files that are there now
}

// refusedFile is a file that must be put right before it is sent.
type refusedFile struct {
	name     string
	cause    factoryfile.Cause
	sentence string
}

func (r *reporter) run(ctx context.Context) *factoryReport {
	r.out = newFactoryReport(r.set.folder)
	err := r.steps(ctx)
	r.progress.stop()
	err = errors.Join(err, r.current.discard())
	if r.book != nil {
		err = errors.Join(err, r.book.Close())
	}
	if err != nil {
		err = r.hint(err)
		r.out.Error, r.out.ExitCode = failureOf(err), exitCode(err)
		r.app.tell(fmt.Errorf("%s: %w", r.set.title(), err))
	}
	return r.out
}

func (r *reporter) steps(ctx context.Context) error {
	files, err := r.set.files(r.options.recursive)
	if err != nil {
		return err
	}
	r.out.Files.Found = len(files)
	if r.book, err = reportbook.Open(r.set.folder); err != nil {
		return fmt.Errorf("what is reported cannot be kept in the folder, so nothing was sent: %w", err)
	}
	r.target = reportbook.Target{
		Gateway: r.client.BaseURL(), ClientID: r.clientID, SoldTo: r.options.soldTo, Order: r.options.orderData(),
	}
	r.waits = r.options.waiter(r.app)
	if err := r.resume(ctx); err != nil {
		return err
	}
	if err := r.readAll(ctx, files); err != nil {
		return err
	}
	if r.options.noWait {
		r.tellAccepted()
		return nil
	}
	return r.conclude(ctx)
}

// resume sends what an earlier run wrote down and did not see accepted: the same
// bytes under the same id.
func (r *reporter) resume(ctx context.Context) error {
	r.resumed = map[string]bool{}
	for _, g := range r.book.Groups(r.target) {
		if g.TrackingID != "" {
			continue
		}
		for _, p := range g.Parts {
			r.resumed[p.File] = true
		}
		if g.After {
			if err := r.settleEarlier(ctx, g); err != nil {
				return err
			}
		}
		err := r.send(ctx, g)
		if errors.Is(err, reportbook.ErrLost) {
			err = r.lookUp(ctx, g)
		}
		if err != nil {
			return err
		}
	}
	r.ledger = r.book.Ledger(r.target)
	for _, g := range r.book.Groups(r.target) {
		r.earlier.unknown = r.earlier.unknown || !g.Finished
	}
	return nil
}

// lookUp asks whether a report whose bytes are gone was accepted. If it was not, its
// files are read anew.
func (r *reporter) lookUp(ctx context.Context, g *reportbook.Group) error {
	found, _, err := client.Collect(r.client.Uploads(ctx, client.UploadFilter{RequestID: g.RequestID, Kind: kindReport}), 1)
	if err != nil {
		return err
	}
	if len(found) == 1 {
		return r.book.Accepted(g, found[0].TrackingID)
	}
	for _, p := range g.Parts {
		delete(r.resumed, p.File)
	}
	return r.book.Drop(g)
}

// send sends a report that is written down.
func (r *reporter) send(ctx context.Context, g *reportbook.Group) error {
	file, err := r.book.Bytes(g)
	if err != nil {
		return err
	}
	receipt, err := r.client.SubmitReport(ctx, client.ReportSubmission{
		Order: r.options.order, SoldTo: g.SoldTo, RequestID: g.RequestID,
		Body: r.options.packed(r.progress.sending(client.ReaderAtBody(g.ContentType, file, g.Size))),
	})
	_ = file.Close() // it was only read, and must be closed before it is removed
	r.progress.stop()
	if refusedForGood(err) {
		return errors.Join(err, r.book.Drop(g))
	}
	if err != nil {
		return err
	}
	r.app.say("%s: %d keys accepted as report %s", plain(r.progress.name), g.Rows(), receipt.TrackingID)
	return r.book.Accepted(g, receipt.TrackingID)
}

// refusedForGood reports a refusal of the body itself, which would have been the
// answer to every earlier attempt, too: nothing of it is stored. An id that belongs to
// another body is such a refusal: ours is made up for this report, so that it can only
// be the one the file states.
func refusedForGood(err error) bool {
	var refusal *client.APIError
	if !errors.As(err, &refusal) {
		return false
	}
	final := []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}
	if refusal.Reason == "idempotency_key_reused" {
		return true
	}
	return refusal.Reason != "body_incomplete" && slices.Contains(final, refusal.Status)
}

// settleEarlier waits until the reports before g have all their outcomes.
func (r *reporter) settleEarlier(ctx context.Context, g *reportbook.Group) error {
	for _, before := range r.book.Groups(r.target) {
		if before == g {
			break
		}
		if before.TrackingID == "" || before.Finished {
			continue
		}
		upload, err := r.settle(ctx, before)
		if err != nil {
			return err
		}
		if !finished(upload) {
			return &pendingError{errNotFinished, "A later report holds the same machines and must not overtake it. Run the same command again to continue."}
		}
	}
	r.earlier = machines{}
	return nil
}

// errNotFinished ends a run whose time to wait is up.
var errNotFinished = errors.New("an earlier report is not finished yet")

// settle waits for the outcomes of one report, until time is up.
func (r *reporter) settle(ctx context.Context, g *reportbook.Group) (wire.Upload, error) {
	upload, err := settled(ctx, r.client, r.waits, g.TrackingID, func(u wire.Upload) {
		r.progress.rows(u.Rows.Total-u.Rows.Open, u.Rows.Total)
	})
	r.progress.stop()
	if err == nil && finished(upload) {
		err = r.book.Finished(g)
	}
	return upload, err
}

// tellAccepted lists the reports of a run that does not wait.
func (r *reporter) tellAccepted() {
	for _, g := range r.groups() {
		r.list(g, "accepted")
	}
	r.countRefused()
	r.out.ExitCode = r.out.exitCode()
}

// groups are the reports that hold the files of this run as they are now.
func (r *reporter) groups() []*reportbook.Group {
	return slices.DeleteFunc(r.book.Groups(r.target), func(g *reportbook.Group) bool {
		return !slices.ContainsFunc(g.Parts, func(p reportbook.Part) bool { return r.shows(g, p) })
	})
}

// shows reports whether a part belongs into the result.
func (r *reporter) shows(g *reportbook.Group, p reportbook.Part) bool {
	return r.present[p.File] && r.ledger.Latest(g, p)
}

func (r *reporter) list(g *reportbook.Group, state string) {
	files := map[string]bool{}
	for _, p := range g.Parts {
		files[p.File] = true
	}
	r.out.Reports = append(r.out.Reports, sentReport{g.RequestID, g.TrackingID, len(files), g.Rows(), state})
}

// hint says how to go on after a failure.
func (r *reporter) hint(err error) error {
	var refusal *client.APIError
	var pending *pendingError
	switch {
	case r.book == nil, errors.As(err, &pending):
		return err
	case errors.As(err, &refusal) && refusal.Reason == "upload_not_found":
		return &pendingError{err, "A report is not there any more. Use --again to report the files anew."}
	}
	return continues(err, reportbook.Name)
}
