package e2e

import (
	"context"
	"database/sql"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // a look at the tables behind the server's back
)

// postgres opens the site's database beside the server.
func (s *site) postgres() *sql.DB {
	s.t.Helper()
	d, err := sql.Open("pgx", s.gateway)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = d.Close() })
	return d
}

func (s *site) number(query string) int {
	s.t.Helper()
	d := s.postgres()
	defer d.Close()
	var n int
	if err := d.QueryRowContext(s.t.Context(), query).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// await waits until a question about the tables is answered with yes.
func (s *site) await(what, query string) {
	s.t.Helper()
	d := s.postgres()
	await(s.t, 60*time.Second, what, func(ctx context.Context) bool {
		var yes bool
		return d.QueryRowContext(ctx, query).Scan(&yes) == nil && yes
	})
}

// everything is all that an installation and the folders given keep: each table of
// PostgreSQL as text, with its bytes as bytes, and each file.
func (s *site) everything(dirs ...string) map[string][]byte {
	s.t.Helper()
	all := map[string][]byte{}
	for _, dir := range append(dirs, s.dataDir) {
		s.files(dir, all)
	}
	if path, ok := strings.CutPrefix(s.gateway, "sqlite:"); ok {
		s.files(filepath.Dir(path), all)
		s.files(filepath.Dir(strings.TrimPrefix(s.core, "sqlite:")), all)
		return all
	}
	d := s.postgres()
	names := s.texts(d, `SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if len(names) < 20 {
		s.t.Errorf("only %d tables were found", len(names))
	}
	for _, name := range names {
		text := strings.Join(s.texts(d, "SELECT t::text FROM "+name+" t"), "\n")
		all[name] = hexBytes.ReplaceAllFunc([]byte(text), func(escaped []byte) []byte {
			raw, err := hex.DecodeString(string(escaped[2:]))
			if err != nil {
				return escaped
			}
			return raw
		})
	}
	return all
}

var hexBytes = regexp.MustCompile(`\\x(?:[0-9a-f]{2})+`)

func (s *site) texts(d *sql.DB, query string) []string {
	s.t.Helper()
	rows, err := d.QueryContext(s.t.Context(), query)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return all
}

func (s *site) files(dir string, into map[string][]byte) {
	s.t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		into[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
