// Package ratelimit decides whether a caller may go on now, and if not, when.
//
// It owns the named limits with their keys (limit.go), the arithmetic (gcra.go),
// the operation that spends several budgets all or none (limiter.go), the place
// where buckets live (Store; memory.go, redis.go, and fallback.go between them) and the values of the headers that tell
// callers where they stand (headers.go). It knows nothing of HTTP frameworks, of
// consent or of tables, and it is the only package that imports ulule/limiter and
// go-redis.
//
// # Algorithm
//
// Each bucket is one number: the instant at which everything spent so far will
// have been earned back (the generic cell rate algorithm's theoretical arrival
// time). Its distance from now is the backlog. With a rate of Count per Period a
// unit costs Period/Count of backlog, and a charge is admitted while the backlog
// stays within Count units. So Count may be spent at once, the budget refills
// evenly, unit by unit, and there is no window edge at which a caller could spend
// twice. Any stretch of one Period admits at most 2 x Count, because a budget
// saved up before it can be spent together with what is earned within it.
//
// # All or nothing
//
// Spend checks every charge first and spends all or none. A refused call is never
// charged, so a batch that is too large cannot lock its sender out. A refund gives
// back what a spend took, less what has been earned back since; that is never more
// than if the spend had not happened, however late the refund comes.
//
// # Clocks
//
// A backlog longer than the whole budget cannot come from spending. It appears
// when the clock stepped back or an operator lowered a rate, and is cut to the
// budget the next time the bucket is touched: nobody waits longer than one Period.
//
// # Other stores
//
// Store.SpendAll and Store.RefundAll each are one operation over several keys, with
// durations only and the store's own clock, so that Redis can run each as one script,
// on its own time. The scripts (spend.lua, refund.lua) decide to the nanosecond as
// Memory does; the tests compare the two step by step. Fallback stands between the
// limiter and a shared store and decides in this process, on this replica's part of
// each budget, while the shared store does not answer.
package ratelimit
