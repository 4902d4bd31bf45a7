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
	Outcomes map[string]int   `json:"outcomes"`
	Failures []wire.UploadRow `json:"failures"` // the first rows that are not done
}

func newTally() tally { return tally{Outcomes: map[string]int{}, Failures: []wire.UploadRow{}} }

func (t *tally) add(row wire.UploadRow) {
	class := row.OutcomeClass
	if class == "" {
		class = classOpen
	}
	t.Outcomes[class]++
	if class != classOpen && class != string(models.ClassDone) && len(t.Failures) < shownFailures {
		t.Failures = append(t.Failures, row)
	}
}

// failing are the classes of rows that are not done.
var failing = []models.OutcomeClass{
	models.ClassFixRow, models.ClassWait, models.ClassAskCustomer,
	models.ClassAskManufacturer, models.ClassAskOperator, models.ClassDispute,
}

// tallyOf counts the rows of an upload, reading only those that are not done.
func tallyOf(ctx context.Context, c *client.Client, of client.Owner, upload wire.Upload) (tally, error) {
	t := newTally()
	done := upload.Rows.Total - upload.Rows.Open
	var failures []wire.UploadRow
	for _, class := range failing {
		if upload.Rows.WithErrors == 0 {
			break // every row that has an outcome is done
		}
		each := newTally()
		for row, err := range c.UploadRows(ctx, of, upload.TrackingID, string(class)) {
			if err != nil {
				return t, err
			}
			each.add(row)
		}
		for name, n := range each.Outcomes {
			t.Outcomes[name] += n
			done -= n
		}
		failures = append(failures, each.Failures...)
	}
	slices.SortFunc(failures, func(a, b wire.UploadRow) int { return cmp.Compare(a.Row, b.Row) })
	t.Failures = append(t.Failures, failures[:min(len(failures), shownFailures)]...)
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
	string(models.ClassDone):            "registered to the customer",
	string(models.ClassFixRow):          "fix the row and submit it again",
	string(models.ClassWait):            "the service could not answer in time; submit again later",
	string(models.ClassAskCustomer):     "the customer must act",
	string(models.ClassAskManufacturer): "the manufacturer must report the device, or send its hardware hash",
	string(models.ClassAskOperator):     "the operator of the gateway must decide",
	string(models.ClassDispute):         "another organization holds the device",
	classOpen:                           "not decided yet",
}

func (t *tally) table(g *grid) {
	g.row("OUTCOME", "ROWS", "MEANING")
	for _, class := range slices.Sorted(maps.Keys(t.Outcomes)) {
		g.row(class, t.Outcomes[class], meaning[class])
	}
	if len(t.Failures) == 0 {
		return
	}
	g.row("")
	g.row("ROW", "DEVICE", "CODE", "OUTCOME", "EXPLANATION")
	for _, row := range t.Failures {
		g.row(row.Row, deviceName(row), row.ErrorCode, row.OutcomeClass, row.Detail)
	}
	if rest := t.failed() - len(t.Failures); rest > 0 {
		g.row("…", "", "", "", word(rest)+" more")
	}
}

func (t *tally) failed() int {
	n := 0
	for _, class := range failing {
		n += t.Outcomes[string(class)]
	}
	return n
}

func deviceName(row wire.UploadRow) string {
	return strings.TrimSpace(cmp.Or(row.SerialNumber, row.ProductKey, "(by hash)"))
}
