package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Daily describes a table that PostgreSQL partitions by day, so that old bytes
// leave by dropping a table instead of deleting rows one by one.
type Daily struct {
	Table string // partitioned by range of a date column, with a default partition
	Ahead int    // days made in advance, today included
	Keep  int    // days a partition is kept after its own
	With  string // storage parameters of each partition, which have none of the table's; such as WITH (fillfactor = 90)
}

// TendPartitions makes the partitions of the coming days and drops old ones that
// are empty. Several replicas may call it at once. On SQLite it does nothing.
func (d *DB) TendPartitions(ctx context.Context, t Daily, today time.Time) error {
	b, ok := d.backend.(*pgBackend)
	if !ok {
		return nil
	}
	today = utc(today).Truncate(24 * time.Hour)
	var failed []error
	for i := range t.Ahead {
		failed = append(failed, b.makePartition(ctx, t, today.AddDate(0, 0, i)))
	}
	names, err := b.partitions(ctx, t)
	failed = append(failed, err)
	for _, name := range names {
		day, err := time.Parse("20060102", strings.TrimPrefix(name, t.Table+"_"))
		if err == nil && day.Before(today.AddDate(0, 0, -t.Keep)) {
			failed = append(failed, b.dropIfEmpty(ctx, t.Table, name))
		}
	}
	return errors.Join(failed...)
}

func (b *pgBackend) makePartition(ctx context.Context, t Daily, day time.Time) error {
	name := t.Table + "_" + day.Format("20060102")
	_, err := b.pool.Exec(ctx, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s PARTITION OF %s FOR VALUES FROM ('%s') TO ('%s') %s",
		pgx.Identifier{name}.Sanitize(), pgx.Identifier{t.Table}.Sanitize(),
		day.Format(time.DateOnly), day.AddDate(0, 0, 1).Format(time.DateOnly), t.With))
	// 42P07, 23505: another replica was faster. 23514: rows of that day are in
	// the default partition already and stay there.
	switch sqlState(err) {
	case "42P07", "23505", "23514":
		return nil
	}
	if err != nil {
		return fmt.Errorf("make partition %s: %w", name, err)
	}
	return nil
}

func (b *pgBackend) partitions(ctx context.Context, t Daily) ([]string, error) {
	rows, err := b.pool.Query(ctx, "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = $1::regclass", t.Table)
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", t.Table, err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// dropIfEmpty looks first without a lock, then looks and drops under one, waiting
// only briefly for it: the table is in use all day long and the next round comes
// soon. The whole table is locked before its partition, as every statement does,
// because dropping needs both and the other order can deadlock with any of them.
func (b *pgBackend) dropIfEmpty(ctx context.Context, whole, name string) error {
	table := pgx.Identifier{name}.Sanitize()
	inUse := "SELECT EXISTS (SELECT 1 FROM " + table + ")"
	drop := func(tx pgx.Tx) error {
		locks := "SET LOCAL lock_timeout = '2s'; LOCK TABLE ONLY " + pgx.Identifier{whole}.Sanitize() +
			" IN ACCESS EXCLUSIVE MODE; LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE"
		if _, err := tx.Exec(ctx, locks); err != nil {
			return err
		}
		var used bool
		if err := tx.QueryRow(ctx, inUse).Scan(&used); err != nil || used {
			return err
		}
		_, err := tx.Exec(ctx, "DROP TABLE "+table)
		return err
	}
	var used bool
	err := b.pool.QueryRow(ctx, inUse).Scan(&used)
	if err == nil && !used {
		err = pgx.BeginFunc(ctx, b.pool, drop)
	}
	const lockNotAvailable, undefinedTable = "55P03", "42P01"
	if state := sqlState(err); state == lockNotAvailable || state == undefinedTable {
		return nil
	}
	if err != nil {
		return fmt.Errorf("drop partition %s: %w", name, err)
	}
	return nil
}
