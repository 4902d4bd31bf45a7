package dbtest

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"sync"
	"time"

	"gorm.io/gorm/schema"
)

// field is what a model says about a column.
type field struct {
	column   string
	name     string // Type.Field
	kind     kind
	nullable nullability
}

// nullability is what a Go type demands of its column.
type nullability int

const (
	notNull nullability = iota
	null
	either
)

// modelCatalog parses the models as gorm does; several may share a table.
func modelCatalog(models []any) (map[string][]field, error) {
	tables := map[string][]field{}
	cache := &sync.Map{}
	for _, model := range models {
		s, err := schema.Parse(model, cache, schema.NamingStrategy{IdentifierMaxLength: 63})
		if err != nil {
			return nil, fmt.Errorf("parse model %T: %w", model, err)
		}
		for _, f := range s.Fields {
			if f.DBName == "" {
				continue
			}
			tables[s.Table] = append(tables[s.Table], field{
				column: f.DBName, name: s.Name + "." + f.Name, kind: fieldKind(f), nullable: fieldNull(f),
			})
		}
	}
	return tables, nil
}

// fieldKind reduces a Go type to a kind.
func fieldKind(f *schema.Field) kind {
	if f.Serializer != nil {
		return kindText
	}
	t := f.IndirectFieldType
	switch {
	case t == reflect.TypeFor[time.Time]():
		return kindTime
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return kindBytes
	}
	switch f.GORMDataType {
	case schema.Bool:
		return kindBool
	case schema.Int, schema.Uint:
		return kindInt
	case schema.Float:
		return kindFloat
	case schema.String, "text": // the second is what a Valuer calls itself
		return kindText
	case schema.Time:
		return kindTime
	case schema.Bytes:
		return kindBytes
	}
	return kind("unknown type " + t.String())
}

// fieldNull says which columns a field can be read from: a pointer or a
// sql.Null value needs NULL, or it would never be used; a plain value cannot
// hold NULL.
func fieldNull(f *schema.Field) nullability {
	switch {
	case f.PrimaryKey || f.NotNull:
		return notNull
	case f.FieldType.Kind() == reflect.Pointer:
		return null
	case f.Serializer != nil || f.FieldType.Kind() == reflect.Slice || f.FieldType.Kind() == reflect.Map:
		return either
	case f.FieldType != reflect.TypeFor[time.Time]() && f.FieldType.Kind() == reflect.Struct && f.FieldType.Implements(reflect.TypeFor[driver.Valuer]()):
		return null
	}
	return notNull
}

// compareModels reports fields without a column, columns without a field, and
// what does not match between the two.
func compareModels(f *findings, where string, tables catalog, models map[string][]field) {
	for name, fields := range models {
		if tables[name] == nil {
			f.add(name, name, "the table of %s is missing on %s", fields[0].name, where)
			continue
		}
		covered := map[string]bool{}
		for _, field := range fields {
			covered[field.column] = true
			compareField(f, where, name, tables[name], field)
		}
		for col := range tables[name].columns {
			if !covered[col] {
				f.add(name, name+"."+col, "the column on %s has no field in a model", where)
			}
		}
	}
	for name := range tables {
		if models[name] == nil {
			f.add(name, name, "the table on %s has no model", where)
		}
	}
}

func compareField(f *findings, where, name string, t *table, fd field) {
	subject := name + "." + fd.column
	col, found := t.columns[fd.column]
	if !found {
		f.add(name, subject, "the column of %s is missing on %s", fd.name, where)
		return
	}
	if fd.nullable == null && !col.nullable {
		f.add(name, subject, "%s can be nil, but the column on %s is NOT NULL", fd.name, where)
	}
	if fd.nullable == notNull && col.nullable {
		f.add(name, subject, "%s cannot be nil, but the column on %s may be NULL", fd.name, where)
	}
	// Raw JSON is bytes in Go and text in the schema.
	rawJSON := fd.kind == kindBytes && col.kind == kindText
	if !fd.kind.fits(col.kind) && !rawJSON {
		f.add(name, subject, "%s is %s, but the column on %s is %s", fd.name, fd.kind, where, col.declared)
	}
}
