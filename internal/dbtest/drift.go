package dbtest

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"countersign/internal/db"
	"countersign/models/migrations"
)

// Exclude leaves findings out, given to CheckDrift among the models. Each
// entry is a pattern of path.Match for a table ("staged_*"), a column
// ("uploads.search"), or an index or key by its full subject, as the finding
// names it ("rows: index rows_due").
type Exclude []string

// matches tells whether a pattern names the finding's table or subject.
func (e Exclude) matches(f finding) bool {
	for _, pattern := range e {
		for _, subject := range []string{f.table, f.subject} {
			if ok, _ := path.Match(pattern, subject); ok {
				return true
			}
		}
	}
	return false
}

// finding is one difference.
type finding struct{ table, subject, text string }

// findings collects differences that are not excluded.
type findings struct {
	exclude Exclude
	list    []string
}

func (f *findings) add(table, subject, format string, args ...any) {
	one := finding{table, subject, fmt.Sprintf(format, args...)}
	if !f.exclude.matches(one) {
		f.list = append(f.list, one.subject+": "+one.text)
	}
}

// CheckDrift migrates both databases and fails the test for every difference
// between their tables, columns, indexes, keys and foreign keys, and between
// them and the models: pointers to structs as gorm uses them, one per table at
// least. A column's nullability must match (a pointer for NULL; slices, maps and
// serialised fields may be either) and so must its rough type. Partitions are
// not looked at, only their parent. An Exclude among the models leaves
// differences out that are wanted.
func CheckDrift(t testing.TB, set migrations.Set, models ...any) {
	t.Helper()
	var exclude Exclude
	var structs []any
	for _, model := range models {
		if e, ok := model.(Exclude); ok {
			exclude = append(exclude, e...)
		} else {
			structs = append(structs, model)
		}
	}
	bookkeeping := "migrations_" + string(set)
	found, err := drift(t, New(t, db.Postgres, set), New(t, db.SQLite, set), structs, append(exclude, bookkeeping))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range found {
		t.Error(text)
	}
}

// drift compares two open databases and the models.
func drift(t testing.TB, pg, lite *db.DB, models []any, exclude Exclude) ([]string, error) {
	t.Helper()
	ctx := context.Background()
	pgTables, err := postgresCatalog(ctx, pg)
	if err != nil {
		return nil, fmt.Errorf("read the PostgreSQL catalogue: %w", err)
	}
	liteTables, err := sqliteCatalog(ctx, lite)
	if err != nil {
		return nil, fmt.Errorf("read the SQLite schema: %w", err)
	}
	modelTables, err := modelCatalog(models)
	if err != nil {
		return nil, err
	}
	f := &findings{exclude: exclude}
	compareDialects(f, pgTables, liteTables)
	compareModels(f, "PostgreSQL", pgTables, modelTables)
	compareModels(f, "SQLite", liteTables, modelTables)
	slices.Sort(f.list)
	return slices.Compact(f.list), nil
}

// catalog is a schema as far as it is compared, by table name.
type catalog map[string]*table

type table struct {
	columns map[string]column
	marks   map[string]bool // indexes, keys and foreign keys, spelled the same on both
}

type column struct {
	kind     kind
	declared string // as the schema spells it
	nullable bool
}

// at returns a table, made if it is new.
func (c catalog) at(name string) *table {
	if c[name] == nil {
		c[name] = &table{columns: map[string]column{}, marks: map[string]bool{}}
	}
	return c[name]
}

// compareDialects reports what one dialect has and the other has not.
func compareDialects(f *findings, pg, lite catalog) {
	for name := range union(pg, lite) {
		p, l := pg[name], lite[name]
		if p == nil || l == nil {
			f.add(name, name, "the table is missing on %s", missing(p == nil))
			continue
		}
		for col := range union(p.columns, l.columns) {
			compareColumn(f, name, col, p, l)
		}
		for mark := range union(p.marks, l.marks) {
			if !p.marks[mark] || !l.marks[mark] {
				f.add(name, name+": "+mark, "missing on %s", missing(!p.marks[mark]))
			}
		}
	}
}

func compareColumn(f *findings, name, col string, p, l *table) {
	subject := name + "." + col
	pc, onPG := p.columns[col]
	lc, onLite := l.columns[col]
	switch {
	case !onPG || !onLite:
		f.add(name, subject, "the column is missing on %s", missing(!onPG))
	case pc.nullable != lc.nullable:
		f.add(name, subject, "may be NULL on PostgreSQL: %t, on SQLite: %t", pc.nullable, lc.nullable)
	case !pc.kind.fits(lc.kind):
		f.add(name, subject, "the types differ: %s on PostgreSQL, %s on SQLite", pc.declared, lc.declared)
	}
}

func missing(onPostgres bool) string {
	if onPostgres {
		return "PostgreSQL"
	}
	return "SQLite"
}

// union yields the keys of both maps once.
func union[V any](a, b map[string]V) map[string]bool {
	keys := map[string]bool{}
	for _, m := range []map[string]V{a, b} {
		for key := range maps.Keys(m) {
			keys[key] = true
		}
	}
	return keys
}

// kind is the rough type of a column or field.
type kind string

// The kinds that models use. Anything else is its own kind and fits nothing.
const (
	kindInt   kind = "integer"
	kindBool  kind = "boolean"
	kindText  kind = "text"
	kindBytes kind = "bytes"
	kindTime  kind = "time"
	kindFloat kind = "float"
)

// fits tells whether an SQLite column can hold what this one holds: SQLite
// stores booleans as integers.
func (k kind) fits(other kind) bool {
	return k == other || k == kindBool && other == kindInt
}

// kinds maps type names, in small letters and without a length, to kinds. A
// PostgreSQL "timestamp without time zone" is missing on purpose, and so is an
// SQLite "timestamptz", which the driver does not read as a time.
var kinds = map[db.Dialect]map[string]kind{
	db.Postgres: {
		"smallint": kindInt, "integer": kindInt, "bigint": kindInt, "boolean": kindBool,
		"text": kindText, "character varying": kindText, "character": kindText, "json": kindText,
		"jsonb": kindText, "uuid": kindText, "bytea": kindBytes, "timestamp with time zone": kindTime,
		"date": kindTime, "real": kindFloat, "double precision": kindFloat, "numeric": kindFloat,
	},
	db.SQLite: {
		"int": kindInt, "integer": kindInt, "bigint": kindInt, "smallint": kindInt, "boolean": kindBool,
		"text": kindText, "varchar": kindText, "char": kindText, "json": kindText, "blob": kindBytes,
		"datetime": kindTime, "timestamp": kindTime, "date": kindTime, "real": kindFloat, "double": kindFloat,
		"numeric": kindFloat,
	},
}

// kindOf reads a declared type, such as "character varying(80)".
func kindOf(dialect db.Dialect, declared string) kind {
	name := strings.ToLower(declared)
	if open := strings.IndexByte(name, '('); open >= 0 {
		after := ""
		if end := strings.IndexByte(name, ')'); end > open {
			after = name[end+1:]
		}
		name = strings.TrimSpace(name[:open]) + after
	}
	if k, ok := kinds[dialect][name]; ok {
		return k
	}
	return kind("unknown type " + declared)
}
