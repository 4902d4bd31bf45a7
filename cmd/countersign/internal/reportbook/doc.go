// Package reportbook remembers which files of a folder a factory has reported. A
// report is written down with its request id, and its very bytes are kept, before the
// first of them is sent: whatever stops the sender, the next run sends the same bytes
// under the same id, and the gateway makes no second report of them.
//
// The book is a file of JSON objects, one a line, that only grows: each step adds a
// line, so that a folder of a hundred thousand files costs no more per step than one
// of ten. A line that a crash has cut off was never acted on and is cut away.
package reportbook
