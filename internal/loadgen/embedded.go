package loadgen

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/consent"
	"countersign/gateway/forward"
	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration/hardwarehash"
)

// embedded is P7: the rate at which intake accepts uploads on SQLite against a bare loop of
// prepared inserts of the same rows with the same driver, 500 in a transaction.
func (r *run) embedded(ctx context.Context) (Figure, error) {
	dir, err := os.MkdirTemp("", "cs")
	if err != nil {
		return Figure{}, err
	}
	defer os.RemoveAll(dir)
	s := &site{}
	if s.gateway, err = db.Open(ctx, db.Config{URL: "sqlite:" + filepath.Join(dir, "gateway.db")}); err != nil {
		return Figure{}, err
	}
	defer s.close()
	if err := s.gateway.Migrate(ctx, migrations.Gateway); err != nil {
		return Figure{}, err
	}
	if err := s.people(ctx, 1); err != nil {
		return Figure{}, err
	}
	log := discard()
	s.consent = consent.New(consent.Deps{DB: s.gateway, Logger: log, NewID: newID})
	s.forward = forward.New(forward.Deps{DB: s.gateway, Gate: s.consent, Now: time.Now, Worker: "loadgen", Logger: log})
	in := s.accepting(s.consent, quiet{s.forward})
	if err := s.gateway.Write().WithContext(ctx).Exec(bareTable).Error; err != nil {
		return Figure{}, err
	}
	var accepted, inserted []time.Duration
	for round := range r.Rounds + 1 {
		c := r.consign("", consignments, models.DispatchRows, padded)
		b, err := timed(func() error { return s.insertPlainly(ctx, c.rows) })
		if err != nil {
			return Figure{}, err
		}
		a, err := timed(func() error { return acceptRows(ctx, in, c) })
		if err != nil {
			return Figure{}, err
		}
		if round > 0 {
			accepted, inserted = append(accepted, a), append(inserted, b)
		}
	}
	each := ratios(inserted, accepted)
	n := float64(consignments * models.DispatchRows)
	return Figure{
		Values: []float64{median(each)}, Of: "accept on SQLite/prepared inserts", Goal: "≥ 0.7",
		Detail: []string{fmt.Sprintf("%.0f devices a second were accepted, %.0f inserted. Rounds: %s.", n/median(accepted).Seconds(), n/median(inserted).Seconds(), spread(each))},
	}, nil
}

const bareTable = `CREATE TABLE bare (upload_id INTEGER, ordinal INTEGER, serial TEXT, manufacturer TEXT, product TEXT, digest BLOB, hash BLOB,
	PRIMARY KEY (upload_id, ordinal)) WITHOUT ROWID`

// insertPlainly is the loop that whoever needs no rules would write.
func (s *site) insertPlainly(ctx context.Context, rows []models.CoreRow) error {
	for first := 0; first < len(rows); first += models.DispatchRows {
		part := rows[first : first+models.DispatchRows]
		upload := time.Now().UnixNano()
		err := s.gateway.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			values := make([][]any, len(part))
			for i, row := range part {
				digest := sha256.Sum256(row.Identity.Hash)
				values[i] = []any{upload, i + 1, "serial", "manufacturer", "product", digest[:], row.Identity.Hash}
			}
			_, err := tx.BulkInsert(ctx, "bare", []string{"upload_id", "ordinal", "serial", "manufacturer", "product", "digest", "hash"}, db.Rows(values))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// acceptRows has the uploads of a consignment accepted, by two callers: SQLite has one
// writer, and one upload is read while another is written.
func acceptRows(ctx context.Context, in *intake.Service, c consignment) error {
	each := len(c.rows) / len(c.bodies)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for i := range c.bodies {
		g.Go(func() error {
			call := intake.Call{
				Caller: intake.Caller{PartnerID: partner, PartnerKind: models.DirectReseller, ClientID: lineID}, Tenant: tenantOf(0),
				Method: "POST", Path: "/load", MaxRows: each,
			}
			_, err := in.Accept(ctx, call, &captured{rows: c.rows[i*each : (i+1)*each]})
			return err
		})
	}
	return g.Wait()
}

// captured is a body that was decoded already, down to base64.
type captured struct {
	rows []models.CoreRow
	at   int
}

// Next implements intake.Source.
func (c *captured) Next() (intake.Row, error) {
	if c.at == len(c.rows) {
		return intake.Row{}, io.EOF
	}
	raw := make([]byte, hardwarehash.StandardRaw)
	copy(raw, c.rows[c.at].Identity.Hash)
	c.at++
	return intake.Row{HardwareHash: base64.StdEncoding.EncodeToString(raw)}, nil
}

// BatchName implements intake.Source.
func (*captured) BatchName() string { return newID() }

// Digest implements intake.Source.
func (*captured) Digest() []byte { return nil }
