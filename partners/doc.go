// Package partners is the register of who exists: partner organisations with
// their budgets, tenants with their domains, and the OAuth clients of both and of
// operators with their secrets and public keys. It owns the tables partners,
// tenants, tenant_domains, oauth_clients, client_secrets and used_assertions.
//
// Suspending a partner or a tenant and freezing a client are one mechanism: under
// the subject's gate, taken exclusively, the epoch is raised and a fence for the
// core is queued in the same transaction. From its commit on nothing new is let
// through; what was let through before is refused by the core once it has the
// fence.
//
// The package must not decide what a caller may do: whoever calls it has checked
// that an operator is asking. It makes no tokens and reads no keys; those rules
// are handed to it as small interfaces and functions.
package partners
