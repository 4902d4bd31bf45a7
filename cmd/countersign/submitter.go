package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/cmd/countersign/internal/devicefile"
	"countersign/cmd/countersign/internal/pending"
	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// submitter takes one file through. It can stop after any step; the next run finds
// in the book how far it came.
type submitter struct {
	*delivery
	options  submitOptions
	progress *progress

	file  *os.File
	info  devicefile.File
	book  *pending.Book
	entry pending.Entry

	failure error // why run has not come to an end
}

func (s *submitter) run(ctx context.Context, path string) *report {
	r := &report{File: path, Tenant: s.options.tenant, Batch: s.options.batch, tally: newTally(kindRegister)}
	err := s.steps(ctx, path, r)
	s.progress.stop()
	if s.file != nil {
		_ = s.file.Close() // it was only read
	}
	if err != nil {
		err = s.hint(path, err)
		s.failure = err
		r.Error, r.ExitCode = failureOf(err), exitCode(err)
		s.app.tell(fmt.Errorf("%s: %w", filepath.Base(path), err))
	}
	return r
}

func (s *submitter) steps(ctx context.Context, path string, r *report) error {
	if err := s.open(path); err != nil {
		return err
	}
	if s.options.dryRun {
		return s.foresee(ctx, path, r)
	}
	if err := s.begin(path, r); err != nil {
		return err
	}
	if s.entry.TrackingID == "" {
		if err := s.send(ctx); err != nil {
			return err
		}
	}
	r.TrackingID = s.entry.TrackingID
	if s.options.noWait {
		r.State = "accepted"
		return nil
	}
	upload, err := settled(ctx, s.client, s.options.waiter(s.app), s.entry.TrackingID, func(u wire.Upload) {
		s.progress.rows(u.Rows.Total-u.Rows.Open, u.Rows.Total)
	})
	r.State, r.Rows = upload.State, upload.Rows
	if err != nil {
		return err
	}
	if upload.Rows.Open > 0 {
		r.tally, err = tallyOf(ctx, s.client, client.Owner{}, upload)
		r.ExitCode = exitUnreachable
		s.app.say("%s: not finished yet; run the same command again, or countersign status %s", filepath.Base(path), upload.TrackingID)
		return err
	}
	return s.writeResult(ctx, path, r)
}

func (s *submitter) open(path string) error {
	var err error
	if s.file, err = os.Open(path); err != nil {
		return err
	}
	stat, err := s.file.Stat()
	if err != nil {
		return err
	}
	if !stat.Mode().IsRegular() {
		return errors.New("it is not a file")
	}
	if err := pending.Lock(s.file); err != nil {
		return err
	}
	s.info, err = devicefile.Inspect(s.file, stat.Size())
	return err
}

// begin finds the submission an earlier run began, or writes down a new one.
func (s *submitter) begin(path string, r *report) error {
	target := s.target(path)
	r.Batch = target.Batch
	var err error
	if s.book, err = pending.Open(pending.PathFor(path)); err != nil {
		return err
	}
	var known bool
	if s.entry, known = s.book.Find(target); known && !s.options.again {
		r.RequestID, r.Continued = s.entry.RequestID, true
		if s.entry.Finished {
			s.app.say("%s was submitted before, unchanged; this is the result of then. Use --again to submit it anew.", filepath.Base(path))
		}
		return nil
	}
	s.entry = pending.Entry{Target: target, RequestID: client.NewRequestID(), CreatedAt: time.Now().UTC()}
	r.RequestID = s.entry.RequestID
	if err := s.book.Put(s.entry); err != nil {
		return fmt.Errorf("the request id cannot be kept beside the file, so nothing was sent: %w", err)
	}
	return nil
}

func (s *submitter) target(path string) pending.Target {
	name := filepath.Base(path)
	target := pending.Target{
		Gateway: s.client.BaseURL(), ClientID: s.clientID, Tenant: strings.ToLower(s.options.tenant),
		Append: s.options.append, Order: s.options.orderData(), Strict: s.options.strict,
		ExpectedDomain: strings.ToLower(s.options.expectedDomain), Grant: strings.ToLower(s.options.grant), Digest: s.info.Digest,
	}
	if !s.options.own {
		target.Batch = cmp.Or(s.options.batch, s.info.BatchName(), strings.TrimSuffix(name, filepath.Ext(name)))
	}
	return target
}

// send submits the file under the id that is on the disk already.
func (s *submitter) send(ctx context.Context) error {
	body, err := s.body()
	if err != nil {
		return err
	}
	receipt, err := s.deliverBody(ctx, body)
	if err != nil {
		return err
	}
	s.progress.stop()
	s.app.say("%s: accepted as upload %s", s.progress.name, receipt.TrackingID)
	s.entry.TrackingID = receipt.TrackingID
	return s.book.Put(s.entry)
}

// deliverBody sends the file in one call or, if that was asked for, in parts.
func (s *submitter) deliverBody(ctx context.Context, body devicefile.Body) (client.Receipt, error) {
	if !s.options.resumable {
		return s.client.Submit(ctx, s.submission(body))
	}
	s.options.plain = true
	whole := s.submission(body)
	if strings.HasPrefix(whole.Body.ContentType, client.JSON) {
		return client.Receipt{}, errors.New("only CSV and NDJSON can be sent in parts; leave --resumable out")
	}
	if s.entry.FileID == "" {
		id, err := s.client.CreateFile(ctx, whole)
		if err != nil {
			return client.Receipt{}, err
		}
		s.entry.FileID = id
		if err := s.book.Put(s.entry); err != nil {
			return client.Receipt{}, err
		}
	}
	receipt, err := s.client.SendFile(ctx, s.entry.FileID, whole.Body, nil)
	var refusal *client.APIError
	if errors.As(err, &refusal) && refusal.Reason == "file_not_found" {
		s.entry.FileID = "" // forgotten: the next run begins anew
		err = errors.Join(err, s.book.Put(s.entry))
	}
	return receipt, err
}

func (s *submitter) submission(body devicefile.Body) client.Submission {
	return client.Submission{
		Tenant: s.entry.Tenant, Own: s.options.own, Batch: s.entry.Batch, Append: s.entry.Append, Order: s.options.order, Strict: s.entry.Strict,
		ExpectedDomain: s.entry.ExpectedDomain, Grant: s.entry.Grant, RequestID: s.entry.RequestID,
		Body: s.options.packed(s.progress.sending(client.Body{ContentType: s.info.ContentType(), Size: body.Size(), Open: body.Open})),
	}
}

func (s *submitter) body() (devicefile.Body, error) {
	if s.entry.Append {
		return s.info.AppendBody(s.file)
	}
	return s.info.Body(s.file, s.entry.Batch)
}

// hint says how to go on after a failure.
func (s *submitter) hint(path string, err error) error {
	var refusal *client.APIError
	switch {
	case s.entry.RequestID == "":
		return err
	case errors.As(err, &refusal) && refusal.Reason == "upload_not_found":
		return &pendingError{err, fmt.Sprintf("Upload %s is not there any more. Use --again to submit the file as a new one.", s.entry.TrackingID)}
	case errors.As(err, &refusal) && refusal.Reason == "batch_exists":
		return &pendingError{err, "Add to the batch with --append, or name another one with --batch."}
	}
	return continues(err, filepath.Base(pending.PathFor(path)))
}
