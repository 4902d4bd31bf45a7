package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"

	"countersign/cmd/countersign/internal/atomicfile"
	"countersign/cmd/countersign/internal/reportbook"
	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/models"
)

// conclude waits for the outcomes and writes them down.
func (r *reporter) conclude(ctx context.Context) error {
	groups, open, err := r.awaitAll(ctx)
	if err != nil {
		return err
	}
	if open {
		r.countRefused()
		r.out.ExitCode = r.out.exitCode()
		r.app.say("%s: not finished yet; run the same command again", plain(r.progress.name))
		return nil
	}
	path := r.options.result
	if path == "" {
		path = r.set.result()
	}
	err = atomicfile.Write(path, 0o644, func(w io.Writer) error {
		return (&resultWriter{reporter: r, csv: csv.NewWriter(w)}).write(ctx, groups)
	})
	if err != nil {
		return fmt.Errorf("the result cannot be written: %w", err)
	}
	r.out.ResultFile, r.out.ExitCode = path, r.out.exitCode()
	return nil
}

// awaitAll waits for each report. Those the gateway has forgotten, long after they
// were finished, are left out; open tells that time was up before all were finished.
func (r *reporter) awaitAll(ctx context.Context) (kept []*reportbook.Group, open bool, err error) {
	var unfinished []wire.Upload
	for _, g := range r.groups() {
		upload, err := r.settle(ctx, g)
		var refusal *client.APIError
		if g.Finished && errors.As(err, &refusal) && refusal.Reason == "upload_not_found" {
			r.app.say("Report %s is not there any more; its keys are left out of the result.", plain(g.TrackingID))
			continue
		}
		if err != nil {
			return nil, false, err
		}
		r.list(g, upload.State)
		open = open || upload.Rows.Open > 0
		kept, unfinished = append(kept, g), append(unfinished, upload)
	}
	for _, upload := range unfinished {
		if !open {
			break
		}
		t, err := tallyOf(ctx, r.client, client.Owner{}, upload)
		if err != nil {
			return nil, false, err
		}
		r.out.merge(t)
	}
	return kept, open, nil
}

// merge adds the rows of another upload.
func (t *tally) merge(other tally) {
	for class, n := range other.Outcomes {
		t.Outcomes[class] += n
	}
	t.Failures = append(t.Failures, other.Failures...)
	t.Failures = t.Failures[:min(len(t.Failures), shownFailures)]
}

// countRefused counts the files that were not sent among the rows to fix.
func (r *reporter) countRefused() {
	for _, f := range r.refused {
		r.out.addOf(f.name, notSent(string(f.cause), f.sentence))
	}
}

// resultTitles are the columns of the result of a report.
var resultTitles = []string{
	"file", "row", "productKey", "serialNumber", "status", "errorCode", "errorDescription",
	"outcomeClass", "detail", "nextActor", "safeToRepeat",
}

// resultWriter writes one result.
type resultWriter struct {
	*reporter
	csv *csv.Writer
}

func (w *resultWriter) write(ctx context.Context, groups []*reportbook.Group) error {
	writeSafe(w.csv, resultTitles)
	for _, g := range groups {
		if err := w.group(ctx, g); err != nil {
			return err
		}
	}
	for _, f := range w.refused {
		row := notSent(string(f.cause), f.sentence)
		w.add(f.name, row)
	}
	w.csv.Flush()
	return w.csv.Error()
}

// group writes the rows of one report, each beside the file it came from.
func (w *resultWriter) group(ctx context.Context, g *reportbook.Group) error {
	next, stop := iter.Pull2(w.client.UploadRows(ctx, client.Owner{}, g.TrackingID, client.RowFilter{}))
	defer stop()
	n := 0
	for _, part := range g.Parts {
		shown := w.shows(g, part)
		for key := range part.Keys {
			n++
			row, err, ok := next()
			if err != nil {
				return err
			}
			if !ok || row.Row != n {
				return fmt.Errorf("report %s has %d keys, but the outcome of key %d is missing", g.TrackingID, g.Rows(), n)
			}
			if shown {
				row.Row = part.First + key + 1
				w.add(part.File, row)
			}
		}
	}
	return nil
}

// add counts a row and writes it.
func (w *resultWriter) add(file string, row wire.UploadRow) {
	w.out.addOf(file, row)
	if w.options.failedOnly && row.OutcomeClass == string(models.ClassDone) {
		return
	}
	number := ""
	if row.Row > 0 {
		number = strconv.Itoa(row.Row)
	}
	writeSafe(w.csv, []string{
		file, number, row.ProductKey, row.SerialNumber, row.Status, row.ErrorCode, row.ErrorDescription,
		row.OutcomeClass, explanation(row), row.NextActor, yesNo(row.SafeToRepeat),
	})
}
