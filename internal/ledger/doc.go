// Package ledger is the record of what happened to consent and to those who take
// part in it: append-only, in one order, chained by hashes and signed.
//
// Whoever changes something calls AddTx in the transaction of the change. The
// entry has no number then. One Sequencer at a time, over all replicas, gives
// entries their numbers and hashes within a second, so that nobody who changes
// something waits for anybody else.
//
// # Chains
//
// There is one chain of everything, for operators, and one for each partner and
// each tenant that an entry names. Every chain has numbers of its own, from 1
// without a hole, and a line per entry: canonical JSON (RFC 8785) of what its
// reader may see. The hash of an entry is SHA-256 over the 32 bytes of the hash
// before it, zeros for the first, and the bytes of the line. So each party can
// check its own chain without knowing the others'. The lines of the chain of
// everything repeat number and hash in the party's chains, which binds them all
// together.
//
// A checkpoint is a signature over name, number and hash of a chain's end. It is
// written with the entries it covers.
//
// # What a party sees
//
// The id of who acted and of the HTTP request is blank in the other side's chain.
// A member "forPartner" or "forTenant" of a body is left out of the other side's.
//
// The package must not know what the kinds mean, HTTP, or keys.
package ledger
