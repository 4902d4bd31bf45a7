// Package consent owns the agreement between a partner and a tenant: requests,
// grants, the one table of their transitions, their append-only history, and the
// gate that makes a revocation final.
//
// It must not know HTTP, devices or uploads, and it never talks to the core
// itself: the core's stop switch is behind FenceSink, and every call of it is
// outside a transaction.
//
// # Why a revocation is final
//
// A change of a grant takes the grant's gate exclusively; whoever relies on the
// grant takes it shared, together with the gates of partner, client and tenant,
// and reads the state in a later statement of the same transaction. So nothing
// is accepted after the change has committed. Work that is already under way
// carries the grant's epoch; the change raised it, and the core, once it has
// acknowledged the fence, refuses older ones. Only then is a grant revoked;
// until then it is revoking. If the core cannot be reached, the bound is time:
// work carries a NotAfter of at most NotAfterBound past its claim.
//
// Every decision about time uses the database's clock, never the process's.
package consent
