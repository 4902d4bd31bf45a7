package db

import (
	"strconv"

	"gorm.io/gorm/clause"
)

// OneOf is the condition that column holds one of the values. However many there
// are, it is one argument, so the statement's text stays the same and neither
// database's limit on arguments is met. The column's name is not escaped.
func (t *Tx) OneOf(column string, values []int64) clause.Expr {
	list := make([]byte, 0, 2+20*len(values))
	for i, v := range values {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, v, 10)
	}
	if t.Dialect() == Postgres {
		return clause.Expr{SQL: column + " = ANY(CAST(? AS bigint[]))", Vars: []any{"{" + string(list) + "}"}}
	}
	return clause.Expr{SQL: column + " IN (SELECT value FROM json_each(?))", Vars: []any{"[" + string(list) + "]"}}
}
