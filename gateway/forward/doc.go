// Package forward delivers accepted uploads to the matching and registration
// core and writes down what became of each row.
//
// A dispatch is the unit of work: the unsettled rows of one upload between two
// ordinals, under one grant. A worker claims it in a short transaction that
// takes the consent gate and looks at the grant again, calls the core with no
// transaction open, and settles the rows in a second short transaction that only
// counts while the worker still holds the lease. Anything may die at any line:
// the lease runs out, another worker claims the dispatch, and the core answers
// the rows it already knows as it did before.
//
// Three rules make the outcome certain. A row is settled only with the core's
// word. A dispatch that was ever sent is resolved before the gateway writes an
// outcome of its own, so that a late call can no longer register the row. A
// refusal by fence or by lateness is never a row's outcome; it sends the worker
// back to the gate.
//
// The package decides nothing about consent: it asks the Gate. It knows nothing
// of HTTP, and nothing of how the core recognises a device.
package forward
