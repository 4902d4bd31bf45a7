// Package release builds the programs for every platform we publish and packs them. It
// uses Go alone, so that a fresh machine can do it, and the same commit gives the same
// bytes: times come from the commit, order and owners are fixed.
package release
