package forward

import (
	"context"
	"time"

	"countersign/consent"
	"countersign/models"
)

// plan is what a claim decided to do with a dispatch.
type plan int

const (
	planSend   plan = iota // the grant is active: send to the core
	planEnd                // the grant ended: resolve if ever sent, then 9001
	planGiveUp             // too old: resolve, then 640
)

// work is a claimed dispatch with everything a worker needs; no transaction is
// open while it exists.
type work struct {
	dispatch models.Dispatch
	upload   models.Upload
	rows     []models.CoreRow
	leased   bool // false: held back or stopped instead
	plan     plan
	permit   consent.Permit
	reason   string // why the grant ended, in words for the row

	claimedAt  time.Time // by the database's clock
	sentBefore bool      // an earlier claim may have sent it: the core may hold answers
	version    int64     // of the grant's terms when the rows were let through last

	// Rows that are put off, because the partner guesses too much, and for how long.
	putOff int
	pause  time.Duration
}

// counted reports whether the rows count against the device limit as it is now.
func (w *work) counted() bool {
	return w.dispatch.Kind != models.UploadRegister || w.dispatch.GrantID == "" || w.version >= w.permit.Recount
}

// submission is what goes to the core under this claim.
func (w *work) submission() models.Submission {
	d, kind := w.dispatch, models.ByGrant
	switch {
	case d.PartnerID == "":
		kind = models.ByTenant
	case d.Kind == models.UploadReport:
		kind = models.ByFactory
	}
	return models.Submission{
		Upload: w.upload.TrackingID,
		Rows:   w.rows,
		Authority: models.Authority{
			Kind: kind, PartnerID: d.PartnerID, ClientID: d.ClientID, TenantID: d.TenantID,
			GrantID: d.GrantID, Epochs: w.permit.Epochs, NotAfter: w.permit.NotAfter(),
			Manufacturers: w.permit.Limits.Manufacturers,
		},
	}
}

func (w *work) ordinals() []int {
	out := make([]int, len(w.rows))
	for i, r := range w.rows {
		out[i] = r.Row
	}
	return out
}

// call sends the submission to the operation of the dispatch's kind.
func (f *Forwarder) call(ctx context.Context, w *work) (models.Result, error) {
	switch w.dispatch.Kind {
	case models.UploadRemove:
		return f.core.Remove(ctx, w.submission())
	case models.UploadReport:
		return f.core.Report(ctx, w.submission())
	case models.UploadReplace:
		return f.core.Replace(ctx, w.submission())
	case models.UploadRegister:
	}
	return f.core.Register(ctx, w.submission())
}

// settled is what a worker learned about rows: the outcome of each, in any order.
type settled struct {
	answers []models.Answer
	final   bool // every row of the work is among the answers
}

// used counts rows that turned a reservation into a registration.
func (s settled) used() int64 {
	var n int64
	for _, a := range s.answers {
		if a.Code == models.OutcomeRegistered {
			n++
		}
	}
	return n
}

func (s settled) failed() int { return len(s.answers) - int(s.used()) }
