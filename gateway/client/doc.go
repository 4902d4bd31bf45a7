// Package client speaks to a Countersign gateway over HTTP. It uses what any
// outsider could: the documented routes and the shapes of gateway/wire.
//
// A Client gets and renews its access token, sends every submission under a
// request id that stays the same through all repeats, waits as long as
// Retry-After says, and gives refusals as *APIError. A call that never got an
// answer is an *UnreachableError: repeating it with the same request id is safe.
//
// It keeps nothing on disk and prints nothing.
package client
