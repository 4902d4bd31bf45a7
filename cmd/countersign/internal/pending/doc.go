// Package pending remembers what was submitted, in a small file beside the file
// it came from. The request id is on the disk before the first byte is sent, so
// that whatever stops the sender, the next run of the same command continues the
// same submission and never makes a second one.
package pending
