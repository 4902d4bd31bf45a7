// Package archtest enforces which package may import what. The rules are the
// architecture: a wrong import is a wrong dependency between boxes.
package archtest
