// Package registration is the core: it recognises the device behind a row and
// binds it to a tenant. It owns its database (the migrations set "core") and the
// contract with the gateway, written in models/contract.go:
//
//   - Register, Remove, Replace, Report: idempotent by (upload, row). An answer that was given
//     once is given again, also before any look at fences and clocks, however the
//     rows are grouped.
//   - Resolve: what became of rows; a row nothing became of gets a tombstone and
//     is never executed afterwards. A Register that comes later answers such a
//     row with Absent set, so that the gateway keeps what it has written.
//   - Fence: from its return on, no work under an older epoch of the subject is
//     committed. Durable, monotonic, idempotent.
//
// A fence is exact because of locks, not of timing: a submission holds its
// subjects' locks shared from before it reads the fences until its transaction
// ends, and Fence takes the subject's lock exclusively. Lock ids are digests of
// the subject's id, so a subject that was never fenced is covered as well; two
// subjects with one digest only wait for each other.
//
// Ownership has one arbiter, the primary key over the anchors of active
// registrations and live factory records. Two transactions that both found a
// device free collide there; the loser is matched again and sees the winner.
//
// Factory records are identities that an OEM reported. They are live, registered
// or not, until a newer report or a returned key retires them; which records are
// live does not depend on the order in which reports are executed (docs/adr/0010).
// Whoever claims or changes a record locks its row, so that a report and a
// registration never both act on what they saw before.
//
// What the rules cannot tell is a case for a person (docs/adr/0012): it is opened by
// the transaction that refuses the row, changes nothing by itself, and is settled as
// the same device, another one, or the repaired successor. Every verdict is kept
// with its reasons in the history of the devices it is about.
//
// The package decides nothing about consent, budgets or uploads, knows no HTTP,
// and never tells one caller of another's existence.
package registration
