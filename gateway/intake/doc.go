// Package intake holds the rules of accepting an upload and of reading what became
// of it: repeated calls, early refusals, the check of each row, staging, the device
// budget, and the one closing transaction that makes an upload real.
//
// # One upload
//
// Accept reads its rows with no transaction open. Up to SmallRows rows stay in memory
// and everything is written by the closing transaction; of a larger upload chunks of
// ChunkRows are staged on the way, in state receiving, where nobody sees them. The
// budget is spent next, for all rows of the upload, those included that intake itself
// refuses, because they cost the same work; a refused upload gets it back. The closing
// transaction then takes the consent gate, makes or finds the batch, applies the
// device limit of the grant, queues the dispatches, completes the repeatable call
// and reserves the devices on the grant, in this order, and updates no row: what the
// limit cuts off is one ordinal on the upload.
//
// A row that intake can judge by itself is stored with its outcome and is never
// forwarded. A sound container is therefore always accepted, whatever its rows hold.
//
// # Repeated calls
//
// A call with a key (partner, method, path, request id) runs once. While it runs, its
// key is leased and the lease renewed; a repeat waits for it, takes over when the lease
// lapsed, and otherwise gets the first answer, before consent, budget or batch are
// looked at. Only accepted calls are remembered.
//
// The package knows nothing of HTTP, of file formats, or of how rows are forwarded.
package intake
