package dbtest

import (
	"context"
	"fmt"
	"strings"

	"countersign/internal/db"
)

// columnRow is one column as both catalogue queries return it.
type columnRow struct {
	Tbl      string
	Col      string
	Declared string
	Nullable bool
	PK       int // 1-based position in the primary key, SQLite only
}

// indexRow is one index as both catalogue queries return it.
type indexRow struct {
	Tbl      string
	Name     string
	Origin   string // c: CREATE INDEX, u: UNIQUE constraint, pk: primary key
	IsUnique bool
	Partial  bool
	Cols     string
}

// foreignRow is one column of a foreign key.
type foreignRow struct {
	Tbl      string
	Cols     string
	Target   string
	OnDelete string
}

const postgresColumns = `
SELECT c.relname AS tbl, a.attname AS col, format_type(a.atttypid, a.atttypmod) AS declared, NOT a.attnotnull AS nullable
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped`

const postgresIndexes = `
SELECT t.relname AS tbl, i.relname AS name, x.indisunique AS is_unique, x.indpred IS NOT NULL AS partial,
  CASE con.contype WHEN 'p' THEN 'pk' WHEN 'u' THEN 'u' ELSE 'c' END AS origin,
  (SELECT string_agg(COALESCE(a.attname::text, '(expression)'), ',' ORDER BY k.n)
   FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
   LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
   WHERE k.n <= x.indnkeyatts) AS cols
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
LEFT JOIN pg_constraint con ON con.conindid = i.oid AND con.conrelid = t.oid AND con.contype IN ('p', 'u')
WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition`

const postgresForeign = `
SELECT t.relname AS tbl, r.relname AS target,
  CASE con.confdeltype WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'
    WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END AS on_delete,
  (SELECT string_agg(a.attname::text, ',' ORDER BY k.n)
   FROM unnest(con.conkey) WITH ORDINALITY AS k(attnum, n)
   JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.attnum) AS cols
FROM pg_constraint con JOIN pg_class t ON t.oid = con.conrelid JOIN pg_class r ON r.oid = con.confrelid
WHERE con.contype = 'f' AND con.conparentid = 0 AND NOT t.relispartition
  AND t.relnamespace = current_schema()::regnamespace`

const sqliteColumns = `
SELECT m.name AS tbl, p.name AS col, p.type AS declared, p."notnull" = 0 AND p.pk = 0 AS nullable, p.pk AS pk
FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) p
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY m.name, p.pk`

const sqliteIndexes = `
SELECT m.name AS tbl, l.name AS name, l."unique" AS is_unique, l.partial AS partial, l.origin AS origin,
  (SELECT group_concat(COALESCE(c.name, '(expression)')) FROM
    (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno) c) AS cols
FROM sqlite_schema m JOIN pragma_index_list(m.name) l
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'`

const sqliteForeign = `
SELECT m.name AS tbl, f."table" AS target, f.on_delete AS on_delete,
  (SELECT group_concat(c."from") FROM
    (SELECT "from" FROM pragma_foreign_key_list(m.name) g WHERE g.id = f.id ORDER BY g.seq) c) AS cols
FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f
WHERE m.type = 'table' AND f.seq = 0`

func postgresCatalog(ctx context.Context, d *db.DB) (catalog, error) {
	return readCatalog(ctx, d, postgresColumns, postgresIndexes, postgresForeign)
}

func sqliteCatalog(ctx context.Context, d *db.DB) (catalog, error) {
	return readCatalog(ctx, d, sqliteColumns, sqliteIndexes, sqliteForeign)
}

// readCatalog runs the three queries of a dialect.
func readCatalog(ctx context.Context, d *db.DB, columns, indexes, foreign string) (catalog, error) {
	var cols []columnRow
	var idx []indexRow
	var fks []foreignRow
	for query, into := range map[string]any{columns: &cols, indexes: &idx, foreign: &fks} {
		if err := d.Read().WithContext(ctx).Raw(query).Scan(into).Error; err != nil {
			return nil, err
		}
	}
	tables := catalog{}
	pks := map[string][]string{}
	for _, c := range cols {
		tables.at(c.Tbl).columns[c.Col] = column{kindOf(d.Dialect(), c.Declared), c.Declared, c.Nullable}
		if c.PK > 0 {
			pks[c.Tbl] = append(pks[c.Tbl], c.Col)
		}
	}
	for tbl, cols := range pks {
		tables.at(tbl).marks[primaryKey(strings.Join(cols, ","))] = true
	}
	for _, i := range idx {
		tables.at(i.Tbl).marks[i.mark()] = true
	}
	for _, f := range fks {
		tables.at(f.Tbl).marks[fmt.Sprintf("foreign key (%s) to %s on delete %s", f.Cols, f.Target, strings.ToLower(f.OnDelete))] = true
	}
	return tables, nil
}

func primaryKey(cols string) string { return "primary key (" + cols + ")" }

// mark spells an index the same way for both dialects. Constraints have no
// comparable name.
func (i indexRow) mark() string {
	switch i.Origin {
	case "pk":
		return primaryKey(i.Cols)
	case "u":
		return "unique (" + i.Cols + ")"
	}
	text := "index " + i.Name + " (" + i.Cols + ")"
	if i.IsUnique {
		text = "unique " + text
	}
	if i.Partial {
		text += " where …"
	}
	return text
}
