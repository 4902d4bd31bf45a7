package loadgen

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models/migrations"
	"countersign/registration"
)

// settings are those of a small production server. Nothing that costs durability
// is among them.
var settings = []string{
	"shared_buffers=2GB", "max_wal_size=8GB", "checkpoint_timeout=15min", "maintenance_work_mem=512MB",
	"effective_cache_size=12GB", "random_page_cost=1.1",
}

// server is the PostgreSQL that stores are made on, and those made so far.
type server struct {
	url   string
	admin *pgx.Conn
	stop  io.Closer
	made  []string
	sizes map[int]*core
}

// core is a filled store and a registrar on it.
type core struct {
	*registration.Registrar
	db   *db.DB
	conn *pgx.Conn // for what a registrar has no business with
	url  string
	size int
}

// start starts the server, or connects to the given one, once.
func (r *run) start(ctx context.Context) (_ *server, err error) {
	if r.server != nil {
		return r.server, nil
	}
	s := &server{url: r.Server, sizes: map[int]*core{}}
	if s.url == "" {
		r.logf("starting PostgreSQL")
		own, err := dbtest.StartServer(settings...)
		if err != nil {
			return nil, err
		}
		s.url, s.stop = own.URL, own
	}
	r.server = s
	s.admin, err = pgx.Connect(ctx, s.url)
	return s, err
}

// close drops what was made.
func (s *server) close() error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, c := range s.sizes {
		c.close(ctx)
	}
	if s.stop != nil {
		return s.stop.Close() // takes its data along
	}
	for _, name := range s.made {
		if _, err := s.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	return nil
}

func (c *core) close(ctx context.Context) {
	_ = c.db.Close()
	_ = c.conn.Close(ctx)
}

// create makes a database from a template.
func (s *server) create(ctx context.Context, name, template string) error {
	s.made = append(s.made, name)
	_, err := s.admin.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy")
	return err
}

// urlOf is the server's URL with another database. It was connected to already, so
// it parses.
func (s *server) urlOf(name string) string {
	u, err := url.Parse(s.url)
	if err != nil {
		return s.url
	}
	u.Path = "/" + name
	return u.String()
}

// store returns the store of a size, filled when first asked for.
func (r *run) store(ctx context.Context, size int) (*core, error) {
	s, err := r.start(ctx)
	if err != nil || s.sizes[size] != nil {
		return s.sizes[size], err
	}
	name, err := s.kept(ctx, size)
	if err != nil {
		return nil, err
	}
	filled := r.Keep && name != ""
	if !filled {
		name = fmt.Sprintf("loadgen_%d_%d", size, time.Now().UnixMilli())
		if err := s.create(ctx, name, "template0"); err != nil {
			return nil, err
		}
	}
	c, err := openCore(ctx, s.urlOf(name))
	if err != nil {
		return nil, err
	}
	c.size, s.sizes[size] = size, c
	if filled {
		return c, nil
	}
	took, err := timed(func() error { return r.fill(ctx, c) })
	r.logf("filled a store with %d devices in %.0f s", size, took.Seconds())
	if err == nil && r.Keep {
		err = c.exec(ctx, "COMMENT ON DATABASE "+name+" IS 'filled'")
		s.made = slices.DeleteFunc(s.made, func(made string) bool { return made == name })
	}
	return c, err
}

// kept names a store of a size that an earlier run left, "" if there is none.
func (s *server) kept(ctx context.Context, size int) (name string, err error) {
	const find = `SELECT coalesce(max(datname), '') FROM pg_database
		WHERE starts_with(datname, $1) AND shobj_description(oid, 'pg_database') = 'filled'`
	err = s.admin.QueryRow(ctx, find, fmt.Sprintf("loadgen_%d_", size)).Scan(&name)
	return name, err
}

// openCore opens a database, brings its tables up to date and makes a registrar.
func openCore(ctx context.Context, at string) (*core, error) {
	d, err := db.Open(ctx, db.Config{URL: at})
	if err != nil {
		return nil, err
	}
	if err := d.Migrate(ctx, migrations.Core); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		return nil, err
	}
	return &core{Registrar: registration.New(d, newID, nil), db: d, conn: conn, url: at}, nil
}

// checkpoint makes the next writes log whole pages, which is the honest case, and
// keeps the work of earlier ones out of the measurement.
func (c *core) checkpoint(ctx context.Context) error {
	_, err := c.conn.Exec(ctx, "CHECKPOINT")
	return err
}
