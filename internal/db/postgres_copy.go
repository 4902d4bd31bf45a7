package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// What a BulkInsert sends in one COPY. More rows go in further ones.
const copyChunk = 4 << 20

// The binary form of COPY, see "Binary Format" in the manual's page on COPY:
// signature, flags and length of an extension, then rows, then a count of -1.
const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
)

// postgresEpoch is where PostgreSQL counts microseconds from.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// copyBuffers are reused: a dispatch's rows are a few megabytes that live for
// milliseconds.
var copyBuffers = sync.Pool{New: func() any { return new([]byte) }}

// bulkInsert writes rows by COPY. Types that need more than a few bytes put in
// order are left to pgx.
func (s *pgSession) bulkInsert(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	n, err := s.copyRows(ctx, table, columns, rows)
	return n, lost(s.pgx, err)
}

func (s *pgSession) copyRows(ctx context.Context, table string, columns []string, rows iter.Seq2[[]any, error]) (int64, error) {
	quoted := make([]string, len(columns))
	for i, column := range columns {
		quoted[i] = quote(column)
	}
	list, into := strings.Join(quoted, ","), pgx.Identifier{table}.Sanitize()
	conn := s.pgx
	// The connection remembers the description, so this asks the server once.
	query := "SELECT " + list + " FROM " + into
	described, err := conn.Prepare(ctx, query, query)
	if err != nil {
		return 0, err
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	c := &copying{
		to: conn.PgConn(), types: conn.TypeMap(), columns: described.Fields,
		sql: "COPY " + into + " (" + list + ") FROM STDIN (FORMAT binary)", buf: append((*buf)[:0], copyHeader...),
	}
	defer func() { *buf = c.buf }()
	for row, err := range rows {
		if err == nil {
			err = c.add(ctx, row)
		}
		if err != nil {
			return 0, err
		}
	}
	return c.rows, c.send(ctx)
}

// copying is one bulk insert.
type copying struct {
	to      *pgconn.PgConn
	types   *pgtype.Map
	columns []pgconn.FieldDescription
	sql     string
	buf     []byte
	rows    int64
}

// add puts a row into the buffer, and sends the buffer when it is full.
func (c *copying) add(ctx context.Context, row []any) error {
	if len(c.buf) >= copyChunk {
		if err := c.send(ctx); err != nil {
			return err
		}
		c.buf = append(c.buf[:0], copyHeader...)
	}
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(row)))
	for i, value := range row {
		if err := c.value(c.columns[i].DataTypeOID, value); err != nil {
			return fmt.Errorf("column %s: %w", c.columns[i].Name, err)
		}
	}
	c.rows++
	return nil
}

func (c *copying) send(ctx context.Context) error {
	c.buf = append(c.buf, copyTrailer...)
	_, err := c.to.CopyFrom(ctx, bytes.NewReader(c.buf), c.sql)
	return err
}

// value appends a value with its length in front. Pairs of column and value that
// are common are written here, which is several times as fast as pgx's general way.
func (c *copying) value(oid uint32, value any) error {
	switch v := value.(type) {
	case nil:
		c.null()
		return nil
	case string:
		if oid == pgtype.TextOID {
			c.buf = append(c.length(len(v)), v...)
			return nil
		}
	case []byte:
		if oid == pgtype.ByteaOID && v != nil {
			c.buf = append(c.length(len(v)), v...)
			return nil
		}
	case int64:
		if c.number(oid, v) {
			return nil
		}
	case int:
		if c.number(oid, int64(v)) {
			return nil
		}
	case time.Time:
		if oid == pgtype.TimestamptzOID {
			c.buf = binary.BigEndian.AppendUint64(c.length(8), uint64(v.UnixMicro()-postgresEpoch.UnixMicro()))
			return nil
		}
	}
	return c.general(oid, value)
}

// number appends an integer if it fits.
func (c *copying) number(oid uint32, v int64) bool {
	switch {
	case oid == pgtype.Int8OID:
		c.buf = binary.BigEndian.AppendUint64(c.length(8), uint64(v))
	case oid == pgtype.Int4OID && v >= math.MinInt32 && v <= math.MaxInt32:
		c.buf = binary.BigEndian.AppendUint32(c.length(4), uint32(v))
	default:
		return false
	}
	return true
}

// general appends any value as pgx writes it.
func (c *copying) general(oid uint32, value any) error {
	at := len(c.buf)
	out, err := c.types.Encode(oid, pgtype.BinaryFormatCode, value, c.length(0))
	if err != nil {
		return err
	}
	if out == nil {
		c.buf = c.buf[:at]
		c.null()
		return nil
	}
	c.buf = out
	binary.BigEndian.PutUint32(c.buf[at:], uint32(len(c.buf)-at-4))
	return nil
}

func (c *copying) length(n int) []byte { return binary.BigEndian.AppendUint32(c.buf, uint32(n)) }

func (c *copying) null() { c.buf = append(c.buf, 0xff, 0xff, 0xff, 0xff) }
