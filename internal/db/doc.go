// Package db owns everything that differs between SQLite and PostgreSQL:
// opening and closing, the transaction and its retry, the gate (advisory
// transaction locks), skip-locked claims, bulk insert, the database clock,
// migrations and the classes of database errors. Stores use gorm through it
// and look the same on both.
//
// It must not know any table, model or business rule.
//
// Rules it keeps for its callers:
//
//   - Times are stored in UTC, cut to microseconds, whatever the caller passes.
//   - A transaction is begun with InTx and nowhere else. InTx marks the context;
//     the plain pools, a second InTx and slow clients (see RefuseInTx) refuse a
//     marked context, so nothing waits for the network or for a second
//     connection while locks are held.
//   - PostgreSQL runs at READ COMMITTED. What must be serialised takes the gate
//     first and reads the state in a separate, later statement: one statement
//     that locks and reads sees the state from before the lock.
//   - SQLite has one write connection behind a first-come queue, a write
//     transaction begins at once (BEGIN IMMEDIATE), and one process owns the
//     file.
package db
