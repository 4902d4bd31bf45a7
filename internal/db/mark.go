package db

import (
	"context"
	"fmt"
)

// txMark is the context key under which InTx leaves its mark.
type txMark struct{}

// InTransaction tells whether ctx comes from inside InTx, of any database.
func InTransaction(ctx context.Context) bool { return ctx.Value(txMark{}) != nil }

// RefuseInTx returns an ErrInTransaction that names what was attempted if ctx
// comes from inside InTx, else nil. Slow clients (core, Redis, HTTP) call it
// first: a transaction must never wait for the network.
func RefuseInTx(ctx context.Context, what string) error {
	if !InTransaction(ctx) {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrInTransaction, what)
}
