package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/models"
)

// classOpen counts rows without an outcome beside the outcome classes.
const classOpen = "open"

// shownFailures is how many rows that are not done are shown.
const shownFailures = 20

// tally counts rows by outcome class and keeps the first that are not done.
type tally struct {
	Outcomes map[string]int `json:"outcomes"`
	Failures []failedRow    `json:"failures"` // the first rows that are not done
	kind     string         // of the upload
}

// failedRow is a row that is not done.
type failedRow struct {
	File string `json:"file,omitzero"` // of a report of several
	wire.UploadRow
}

// The kinds of uploads.
const (
	kindRegister = "register"
	kindRemove   = "remove"
	kindReport   = "report"
	kindForeseen = "foreseen" // registrations that would be
)

func newTally(kind string) tally {
	return tally{Outcomes: map[string]int{}, Failures: []failedRow{}, kind: kind}
}

func (t *tally) add(row wire.UploadRow) { t.addOf("", row) }

// addOf counts a row of a file.
func (t *tally) addOf(file string, row wire.UploadRow) {
	class := row.OutcomeClass
	if class == "" {
		class = classOpen
	}
	t.Outcomes[class]++
	if class != classOpen && class != string(models.ClassDone) && len(t.Failures) < shownFailures {
		t.Failures = append(t.Failures, failedRow{file, row})
	}
}

// tallyOf counts the rows of an upload, reading only those that are not done.
func tallyOf(ctx context.Context, c *client.Client, of client.Owner, upload wire.Upload) (tally, error) {
	t := newTally(upload.Kind)
	done := upload.Rows.Total - upload.Rows.Open
	if upload.Rows.WithErrors > 0 { // else every row that has an outcome is done
		for row, err := range c.UploadRows(ctx, of, upload.TrackingID, client.RowFilter{Outcome: client.OutcomeFailed}) {
			if err != nil {
				return t, err
			}
			t.add(row)
			done--
		}
	}
	if done > 0 {
		t.Outcomes[string(models.ClassDone)] = done
	}
	if upload.Rows.Open > 0 {
		t.Outcomes[classOpen] = upload.Rows.Open
	}
	return t, nil
}

// exitCode is what the outcomes mean for a script: whatever the wire says, an
// upload whose rows are all done is a success.
func (t *tally) exitCode() int {
	code := exitDone
	for class, n := range t.Outcomes {
		switch {
		case n == 0, class == string(models.ClassDone):
		case class == classOpen:
			code = worse(code, exitUnreachable)
		case class == string(models.ClassAskCustomer):
			code = worse(code, exitCustomer)
		default:
			code = worse(code, exitRows)
		}
	}
	return code
}

// byWeight orders exit codes: what a script should look at first comes last.
var byWeight = []int{exitDone, exitCustomer, exitRows, exitBudget, exitUnreachable, exitOther, exitInterrupted}

func worse(a, b int) int {
	if slices.Index(byWeight, a) > slices.Index(byWeight, b) {
		return a
	}
	return b
}

// meaning is what a class asks for, for people.
var meaning = map[string]string{
	string(models.ClassFixRow):          "fix the row and submit it again",
	string(models.ClassWait):            "the service could not answer in time; submit again later",
	string(models.ClassAskCustomer):     "the customer must act",
	string(models.ClassAskManufacturer): "the manufacturer must report the device, or send its hardware hash",
	string(models.ClassAskOperator):     "the operator of the gateway must decide",
	string(models.ClassDispute):         "another organization holds the device",
	classOpen:                           "not decided yet",
}

// doneMeans says what became of a row that is done, by the kind of its upload.
var doneMeans = map[string]string{
	kindRegister: "registered to the customer", kindRemove: "the registration has ended", kindReport: "recorded",
	kindForeseen: "would be registered to the customer",
}

func (t *tally) meaning(class string) string {
	if class == string(models.ClassDone) {
		return doneMeans[t.kind]
	}
	return meaning[class]
}

func (t *tally) table(g *grid) {
	g.row("OUTCOME", "ROWS", "MEANING")
	for _, class := range slices.Sorted(maps.Keys(t.Outcomes)) {
		g.row(class, t.Outcomes[class], t.meaning(class))
	}
	if len(t.Failures) == 0 {
		return
	}
	g.row("")
	g.row(t.located("FILE", "ROW", "DEVICE", "CODE", "OUTCOME", "EXPLANATION")...)
	for _, row := range t.Failures {
		g.row(t.located(row.File, row.Row, deviceName(row.UploadRow), row.ErrorCode, row.OutcomeClass, row.Detail)...)
	}
	if rest := t.failed() - len(t.Failures); rest > 0 {
		g.row(t.located("", "…", "", "", "", word(rest)+" more")...)
	}
}

// located keeps the first cell, the file, only where rows come from several.
func (t *tally) located(cells ...any) []any {
	if t.kind == kindReport && len(t.Failures) > 0 && t.Failures[0].File != "" {
		return cells
	}
	return cells[1:]
}

func (t *tally) failed() int {
	n := 0
	for class, rows := range t.Outcomes {
		if class != classOpen && class != string(models.ClassDone) {
			n += rows
		}
	}
	return n
}

func deviceName(row wire.UploadRow) string {
	return strings.TrimSpace(cmp.Or(row.SerialNumber, row.ProductKey, "(by hash)"))
}
