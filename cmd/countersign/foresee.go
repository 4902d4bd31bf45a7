package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"countersign/cmd/countersign/internal/atomicfile"
	"countersign/cmd/countersign/internal/devicefile"
	"countersign/cmd/countersign/internal/pending"
	"countersign/gateway/wire"
)

// errEnough ends an answer that nobody reads on.
var errEnough = errors.New("enough")

// foresee shows what the rows of a file would become. Nothing is kept beside the file.
func (s *submitter) foresee(ctx context.Context, path string, r *report) error {
	s.entry = pending.Entry{Target: s.target(path)}
	r.Batch, r.DryRun, r.tally = s.entry.Batch, true, newTally(kindForeseen)
	body, err := s.body()
	if err != nil {
		return err
	}
	rows := s.foreseen(ctx, body, r)
	if s.options.result == "" {
		for _, err := range rows {
			if err != nil {
				return err
			}
		}
	} else if err := s.writeForeseen(rows, r); err != nil {
		return err
	}
	r.State, r.ExitCode = "validated only", r.exitCode()
	return nil
}

func (s *submitter) foreseen(ctx context.Context, body devicefile.Body, r *report) iter.Seq2[wire.UploadRow, error] {
	return func(yield func(wire.UploadRow, error) bool) {
		counts, err := s.client.Foresee(ctx, s.submission(body), func(row wire.UploadRow) error {
			r.add(row)
			if !yield(row, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(wire.UploadRow{}, err)
		}
		r.Rows = wire.RowCounts{Total: counts.Total, WithErrors: counts.WouldFail}
	}
}

func (s *submitter) writeForeseen(rows iter.Seq2[wire.UploadRow, error], r *report) error {
	err := atomicfile.Write(s.options.result, 0o644, func(w io.Writer) error {
		_, err := devicefile.WriteResult(w, s.file, s.info, rows, s.options.failedOnly)
		return err
	})
	if err != nil {
		return fmt.Errorf("the result cannot be written: %w", err)
	}
	r.ResultFile = s.options.result
	return nil
}
