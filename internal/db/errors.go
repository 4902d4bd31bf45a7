package db

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	sqlite3 "modernc.org/sqlite/lib"
)

// The errors of this package's own rules.
var (
	// ErrCommitUnknown: the connection was lost during COMMIT, so the
	// transaction may or may not have happened. The caller must look.
	ErrCommitUnknown = errors.New("it is unknown whether the transaction was committed")
	// ErrInTransaction: refused because a transaction is open on this context.
	ErrInTransaction = errors.New("not allowed inside a transaction")
	// ErrUseInTx: gorm's Transaction or Begin was called outside InTx.
	ErrUseInTx = errors.New("transactions are begun with InTx only")
	// errLost: the connection broke while a statement ran.
	errLost = errors.New("the connection to the database was lost while a statement ran")
	// ErrAborted: the database has already rolled this transaction back.
	ErrAborted = errors.New("the transaction was aborted by an earlier error")
)

// IsDuplicate tells a violated primary key or unique index.
func IsDuplicate(err error) bool {
	return errors.Is(err, gorm.ErrDuplicatedKey) || sqlState(err) == "23505" ||
		sqliteIs(err, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// IsForeignKey tells a violated foreign key.
func IsForeignKey(err error) bool {
	return errors.Is(err, gorm.ErrForeignKeyViolated) || sqlState(err) == "23503" ||
		sqliteIs(err, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY)
}

// IsNotFound tells that a query for one row found none.
func IsNotFound(err error) bool {
	return errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, sql.ErrNoRows)
}

// IsBusy tells a lost race or a wait that took too long: a lock or statement
// timeout, a deadlock or a serialization failure. Trying again may help.
func IsBusy(err error) bool {
	switch sqlState(err) {
	case "55P03", "57014": // lock_not_available, query_canceled
		return true
	}
	code := sqliteCode(err) & 0xff
	return isSerialization(err) || code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}

// IsUnavailable tells that the database cannot serve now: busy, unreachable,
// out of resources, starting or stopping. Nothing is wrong with the request.
func IsUnavailable(err error) bool {
	state := sqlState(err)
	for _, class := range []string{"08", "25P03", "53", "57P"} { // connection, idle too long, resources, shutdown
		if strings.HasPrefix(state, class) {
			return true
		}
	}
	var refused *pgconn.ConnectError
	return IsBusy(err) || errors.As(err, &refused) || errors.Is(err, errLost) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, pgconn.ErrConnClosed) ||
		sqliteCode(err)&0xff == sqlite3.SQLITE_FULL
}

// IsConflict tells that InTx lost the same race each time it ran: a serialization
// failure or a deadlock. Less work in one transaction may help.
func IsConflict(err error) bool { return isSerialization(err) }

// isSerialization tells serialization_failure and deadlock_detected.
func isSerialization(err error) bool {
	state := sqlState(err)
	return state == "40001" || state == "40P01"
}

// sqlState returns PostgreSQL's five-letter code, or "".
func sqlState(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// sqliteCode returns SQLite's extended result code, or 0.
func sqliteCode(err error) int {
	var lite *gosqlite.Error
	if errors.As(err, &lite) {
		return lite.Code()
	}
	return 0
}

// sqliteIs tells whether err carries one of SQLite's extended codes.
func sqliteIs(err error, codes ...int) bool {
	got := sqliteCode(err)
	for _, code := range codes {
		if got != 0 && got == code {
			return true
		}
	}
	return false
}
