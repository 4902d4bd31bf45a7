package registration

import (
	"context"
	"slices"
	"strings"

	"countersign/internal/db"
	"countersign/models"
)

// claiming is a group of rows whose claims are looked up by keys.
type claiming struct {
	r      *Registrar
	sub    models.Submission
	claims []claim
}

// registering is one registration of a group of rows.
type registering struct{ claiming }

func (r *Registrar) newRegistering(sub models.Submission, rows []models.CoreRow) *registering {
	return &registering{claiming{r: r, sub: withRows(sub, rows)}}
}

// prepare decodes hashes and reserves identity numbers; rows that turn out to be
// answered already have cost a little for nothing.
func (g *registering) prepare(ctx context.Context) error {
	g.claims = readClaims(g.sub.Authority.Kind, g.sub.Rows)
	return g.r.number(ctx, g.claims)
}

// execute registers in one transaction: locks, stored answers, fences and clock,
// candidates for all rows in one round trip, verdicts, writes.
func (g *registering) execute(ctx context.Context, tx *db.Tx) (models.Result, error) {
	p, before, err := g.judge(ctx, tx)
	if err != nil || p == nil {
		return before, err
	}
	if err := g.r.finish(ctx, tx, p); err != nil {
		return models.Result{}, err
	}
	return models.Result{Answers: sortAnswers(append(before.Answers, p.given...))}, nil
}

// judge reads everything and decides. Without a plan there is nothing to do beyond
// the result; with one the result holds what was answered before.
func (g *registering) judge(ctx context.Context, tx *db.Tx) (*plan, models.Result, error) {
	adm, err := g.r.admit(ctx, tx, g.sub)
	if err != nil || len(adm.open) == 0 || adm.refusal != nil {
		return nil, models.Result{Answers: sortAnswers(adm.answers), Refusal: adm.refusal}, err
	}
	claims := g.openClaims(adm.open)
	found, err := g.r.store.held(ctx, tx, allKeys(claims), (*known).onRecord)
	if err != nil {
		return nil, models.Result{}, err
	}
	if err := apart(ctx, tx, found); err != nil {
		return nil, models.Result{}, err
	}
	p := &plan{sub: g.sub}
	if p.now, err = tx.Now(ctx); err != nil {
		return nil, models.Result{}, err
	}
	if err := g.guessed(ctx, tx, p, claims, found); err != nil {
		return nil, models.Result{}, err
	}
	return p, models.Result{Answers: adm.answers}, decide(p, claims, found, g.r.newID)
}

// openClaims are the claims of rows without a stored answer.
func (g *claiming) openClaims(open []models.CoreRow) []claim {
	if len(open) == len(g.claims) {
		return g.claims
	}
	wanted := make(map[int]bool, len(open))
	for _, row := range open {
		wanted[row.Row] = true
	}
	var claims []claim
	for _, c := range g.claims {
		if wanted[c.row.Row] {
			claims = append(claims, c)
		}
	}
	return claims
}

// allKeys are the keys of all claims, ascending, which visits the index in order.
func allKeys(claims []claim) []int64 {
	var keys []int64
	for i := range claims {
		keys = append(keys, claims[i].keys...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// plain makes a text that every database stores.
func plain(s string) string { return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "") }
