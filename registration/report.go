package registration

import (
	"context"
	"fmt"
	"strings"

	"countersign/internal/db"
	"countersign/models"
)

// Report keeps an OEM's factory records: each row's hardware becomes known before
// anybody registers it, and a returned product key is withdrawn. What stands
// afterwards does not depend on the order in which submissions are executed: an
// OEM's reports are ordered by their tracking ids, which are fixed at acceptance,
// and by their rows. Everything else is as for Register; an answer has no device
// id, since nothing is registered.
func (r *Registrar) Report(ctx context.Context, sub models.Submission) (models.Result, error) {
	if err := checkReport(sub); err != nil {
		return models.Result{}, err
	}
	return r.run(ctx, sub.Rows, func(rows []models.CoreRow) step {
		return &reporting{claiming{r: r, sub: withRows(sub, rows)}}
	})
}

// reporting is one attempt at a group of rows of a report.
type reporting struct{ claiming }

// prepare decodes hashes and reserves identity numbers.
func (g *reporting) prepare(ctx context.Context) error {
	for _, row := range byNumber(g.sub.Rows) {
		g.claims = append(g.claims, readReport(row))
	}
	return g.r.number(ctx, g.claims)
}

// execute is registering.execute with two more things read: what factories stated
// before, and which captures they sent.
func (g *reporting) execute(ctx context.Context, tx *db.Tx) (models.Result, error) {
	adm, err := g.r.admit(ctx, tx, g.sub)
	if err != nil || len(adm.open) == 0 || adm.refusal != nil {
		return models.Result{Answers: sortAnswers(adm.answers), Refusal: adm.refusal}, err
	}
	p := &plan{sub: g.sub, newID: g.r.newID}
	if p.now, err = tx.Now(ctx); err != nil {
		return models.Result{}, err
	}
	d := newReports(g.sub, g.openClaims(adm.open))
	if err := g.look(ctx, tx, d); err != nil {
		return models.Result{}, err
	}
	d.fill(p)
	if err := g.r.finish(ctx, tx, p); err != nil {
		return models.Result{}, err
	}
	return models.Result{Answers: sortAnswers(append(adm.answers, p.given...))}, nil
}

// look reads what the decision needs, and locks it.
func (g *reporting) look(ctx context.Context, tx *db.Tx, d *reports) error {
	found, err := g.r.store.held(ctx, tx, allKeys(d.claims), anyKnown)
	if err != nil {
		return err
	}
	if err := apart(ctx, tx, found); err != nil {
		return err
	}
	if d.said, err = g.r.store.said(ctx, tx, d.by, d.names()); err != nil {
		return err
	}
	var mine []int64
	for i := range found {
		if d.own(&found[i]) {
			mine = append(mine, found[i].ID)
		}
	}
	d.known = indexByKey(found)
	d.captures, err = g.r.store.digests(ctx, tx, mine)
	return err
}

// readReport makes a row of a report ready: a claim by hash, or by product key id
// when the key was returned.
func readReport(row models.CoreRow) claim {
	stated := strings.TrimSpace(row.Identity.ProductKey)
	if _, ok := productKeyKey(stated); stated != "" && !ok {
		return settled(row, models.OutcomeMissingIdentifier, sentenceReportKeyForm)
	}
	switch {
	case row.Returned && stated == "":
		return settled(row, models.OutcomeMissingIdentifier, sentenceReturnNeedsKey)
	case row.Returned:
		return readKey(row)
	case len(row.Identity.Hash) == 0:
		return settled(row, models.OutcomeMissingIdentifier, sentenceReportNeedsHash)
	}
	c := readHash(row)
	switch {
	case c.kind != claimHash || stated == "" || c.device.ProductKey == stated:
	case c.device.ProductKey == "":
		c.device.ProductKey = stated
		c.keys = keysOf(&c.device)
	default:
		return settled(row, models.OutcomeIdentityMismatch, fmt.Sprintf(sentenceKeysDiffer, stated, c.device.ProductKey))
	}
	return c
}
