// Package match decides whether a captured device is one that is already known.
// It owns the rules and the index keys by which candidates are found, nothing
// else: no storage, no tenants, no clock. Whoever calls it brings the candidates
// and acts on the verdict; an attention verdict must change nothing by itself.
//
// Three anchors are bound to the motherboard: E, the digest of the TPM's
// endorsement key; U, the SMBIOS UUID; S, the tuple of manufacturer, product and
// serial. Three pieces of evidence can move between devices: D, the system disk;
// N, the fixed network adapters; K, the product key id. A value that is unknown
// on either side counts neither for nor against.
//
// No score decides. The rules are read in order and the first that applies gives
// the verdict, so every verdict has a reason that a person can check:
//
//  1. Nothing known shares a key: no match.
//  2. Two candidates each agree on an anchor: attention, split-identity. A
//     candidate that agrees on S alone and conflicts on E or U does not count
//     here when exactly one other agrees on two anchors without a conflict.
//  3. Two anchors agree and none conflicts: match. Attention, shared-part, if a
//     disk or adapter that the matched device did not have before stands on
//     another active registration.
//  4. An anchor agrees and another conflicts: attention, board-or-tpm-changed, or
//     serial-collision when only S agrees and no part speaks for one device.
//  5. One anchor agrees, the others are unknown: match if it is E or U and the
//     disk or an adapter agrees; otherwise attention, thin.
//  6. No anchor agrees: no match. If the disk or an adapter agrees, the verdict
//     names the predecessor, the device those parts came from.
//
// The rules run over the active registrations first and, only after no match,
// over known devices that are registered nowhere. Retired devices, whose hardware
// a repair declared replaced, never match.
//
// Where a person settled that two known devices are different, Settled leaves one
// of them out of the rules for a capture that is clearly the other.
//
// Comparing is symmetric and the order of candidates never matters.
//
// Identities come from hardwarehash: that package alone knows how to read and
// clean them, and a second type here could only drift from it.
package match
