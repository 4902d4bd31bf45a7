// Package models holds the nouns of Countersign: rows of the gateway's and the
// core's tables, their typed states, the outcomes of a row and the contract
// between gateway and core. It has no queries, no clock and no JSON tags, and it
// imports the standard library only, so that every other package may use it.
//
// Times are UTC and cut to microseconds, the finest both databases keep.
package models
