// Package migrations carries the reviewed SQL of both databases, one folder per
// dialect and per owner, with equal version numbers in either dialect. The
// gateway and the core own separate schemas and never share a transaction.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
)

// Set names whose tables a database holds.
type Set string

// The two sets.
const (
	Gateway Set = "gateway"
	Core    Set = "core"
)

//go:embed postgres sqlite
var files embed.FS

// Files returns the goose files of a set for a dialect, "postgres" or "sqlite".
func Files(dialect string, set Set) (fs.FS, error) {
	dir := dialect + "/" + string(set)
	if _, err := fs.Stat(files, dir); err != nil {
		return nil, fmt.Errorf("no migrations for %s: %w", dir, err)
	}
	return fs.Sub(files, dir)
}
