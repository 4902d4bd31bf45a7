package loadgen

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// consignments are the uploads of each side of a round; tests make do with fewer.
var consignments = 40

// plain is a table to copy devices into, and the rows in memory in COPY's binary form.
type plain struct {
	conn *pgx.Conn
	ref  *reference
	blob blob
}

// plainTable makes the table in a database of its own.
func (r *run) plainTable(ctx context.Context) (*plain, error) {
	s, err := r.start(ctx)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("loadgen_plain_%d_%d", len(s.made), time.Now().UnixMilli())
	if err := s.create(ctx, name, "template0"); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, s.urlOf(name))
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, singleTable)
	return &plain{conn: conn, ref: &reference{conn}}, err
}

func (p *plain) close() { p.ref.close() }

// load puts devices into memory as COPY takes them, whole hashes within their rows.
func (p *plain) load(ctx context.Context, tenant string, rows []models.CoreRow) error {
	columns := []string{"id", "tenant_id", "partner_id", "manufacturer", "product", "serial", "smbios_uuid", "ek_digest", "registered_at", "hash"}
	now, at := time.Now(), 0
	source := pgx.CopyFromFunc(func() ([]any, error) {
		if at == len(rows) {
			return nil, nil
		}
		hash := make([]byte, hardwarehash.StandardRaw)
		copy(hash, rows[at].Identity.Hash)
		report, err := hardwarehash.Decode(hardwarehash.Trim(hash))
		if err != nil {
			return nil, err
		}
		id := report.Identity()
		at++
		return []any{int64(at), tenant, "partner", id.Manufacturer, id.Product, id.Serial, id.UUID[:], id.EK[:], now, hash}, nil
	})
	if err := p.empty(ctx); err != nil {
		return err
	}
	if _, err := p.conn.CopyFrom(ctx, pgx.Identifier{"single"}, columns, source); err != nil {
		return err
	}
	p.blob = blob{into: "single"}
	_, err := p.conn.PgConn().CopyTo(ctx, &p.blob.data, "COPY single TO STDOUT (FORMAT binary)")
	return err
}

func (p *plain) empty(ctx context.Context) error {
	_, err := p.conn.Exec(ctx, "TRUNCATE single; CHECKPOINT")
	return err
}

// copy is the reference: one stream, one transaction, nothing to decide.
func (p *plain) copy(ctx context.Context) (time.Duration, error) {
	if err := p.empty(ctx); err != nil {
		return 0, err
	}
	return timed(func() error { return p.ref.copy(ctx, []blob{p.blob}) })
}

// nowhere is where no core answers: what is accepted stays queued.
const nowhere = "COUNTERSIGN_CORE_URL=http://127.0.0.1:1"

// bulkAccepting is P1: the rate at which devices are accepted over HTTP, durably, against a
// COPY of the same devices.
func (r *run) bulkAccepting(ctx context.Context) (Figure, error) {
	p, err := r.startProgram(ctx, "", nowhere)
	defer p.end()
	if err != nil {
		return Figure{}, err
	}
	to, err := p.pair(ctx, "Bulk")
	if err != nil {
		return Figure{}, err
	}
	ref, err := r.plainTable(ctx)
	if err != nil {
		return Figure{}, err
	}
	defer ref.close()
	out := Figure{Of: "accepted/COPY: random padded", Goal: "≥ 0.90 and ≥ 1.2"}
	for _, s := range []shape{random, padded} {
		var accepted, copied []time.Duration
		for round := range r.Rounds + 1 { // the first one warms up
			c := r.consign(to.tenant, consignments, models.DispatchRows, s)
			if err := ref.load(ctx, to.tenant, c.rows); err != nil {
				return Figure{}, err
			}
			b, err := ref.copy(ctx)
			if err != nil {
				return Figure{}, err
			}
			if _, err := p.conn.Exec(ctx, "CHECKPOINT"); err != nil {
				return Figure{}, err
			}
			a, err := timed(func() error { return sendAll(ctx, to, c.bodies) })
			if err != nil {
				return Figure{}, err
			}
			if round > 0 {
				accepted, copied = append(accepted, a), append(copied, b)
			}
		}
		each := ratios(copied, accepted)
		out.Values = append(out.Values, median(each))
		n := float64(consignments * models.DispatchRows)
		out.Detail = append(out.Detail, fmt.Sprintf("With %s hashes %.0f devices a second were accepted in uploads of %d over %d connections, %.0f copied. Rounds: %s.",
			s, n/median(accepted).Seconds(), models.DispatchRows, connections, n/median(copied).Seconds(), spread(each)))
	}
	return out, nil
}
