// Package files keeps uploads that arrive in parts (tus 1.0.0): a file of gigabytes goes on
// where its connection broke, at any replica. Its bytes lie in the database until the whole
// file is there and was accepted as an upload, which follows the rules of every other.
//
// Each piece is stored in a transaction of its own together with the number of bytes that
// are there, under the condition that this number is what the sender thinks. Two senders
// of one file are told apart by that; what is there is never lost and never written twice.
//
// A 5x5 product key is a secret that is never stored. The text of a file is looked through
// as it comes, across pieces, and one that holds such a key is forgotten as a whole.
package files
