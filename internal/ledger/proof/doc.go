// Package proof checks receipts and exported histories without the server that made
// them: with their bytes and the server's public keys alone.
//
// # A history
//
// A history is a file of lines that end in "\n" each, and every byte of it counts.
// The first line is {"chain":C,"format":"countersign-history","v":1}. Each other line
// is {"checkpoint":J,"entry":E,"hash":H}: E is the entry in the form of RFC 8785, H
// is SHA-256, in hexadecimal digits, over the 32 bytes of the hash before it (zeros
// before the first) and the bytes of E, and J, where there is one, is the server's
// signature over chain, number and hash. The last line has one. Entries are numbered
// from 1 without a hole.
//
// So a change in an entry shows at that entry; a change that also repairs the hashes
// after it shows at the next checkpoint, which nobody but the server can sign; and
// what was cut off at the end shows when the history is held against a receipt or a
// checkpoint that was kept from before.
//
// # A receipt
//
// A receipt is a compact JWS that holds one entry of its reader's chain, the hash
// before it, its hash and the checkpoint signed at exactly that entry. It can be
// checked by itself, and against a history, which must hold the same entry.
//
// The package knows no database and no key format.
package proof
