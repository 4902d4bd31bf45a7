// Package linear judges whether consent and registration behaved as if everything
// had happened one after the other: each operation at one moment between its call
// and its return. It holds the history of a run, the sequential rules of a grant
// and the checker, for tests that start real programs and for forced schedules.
//
// A history is sound when an interval is never narrower than the truth. So an
// operation whose answer got lost returns at Never, which lets it happen at any
// later moment; a registration is called when the core read its clock under the
// core's own locks, which is before the commit, and returns when somebody has seen
// the device on record. Too wide an interval hides a fault, too narrow a one
// invents it; readers make wide ones narrow again, because a reader that counted n
// devices orders every registration on one of its sides.
//
// A revoke is three operations, because it promises three things at three moments:
// Stop, after which nothing is accepted; Fence, after which nothing is registered;
// End, after which it is told so.
package linear
