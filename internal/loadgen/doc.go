// Package loadgen measures Countersign under load and prints each figure as a ratio
// to a reference that runs in turns with it, in one run on one machine: absolute
// speeds say more about the machine, its neighbours and the minute than about the
// program.
//
// It fills stores to size with invented devices, through the code that owns the
// tables, on a PostgreSQL server that it starts itself with every promise of
// durability switched on. make bench runs it and writes docs/performance.md.
package loadgen
