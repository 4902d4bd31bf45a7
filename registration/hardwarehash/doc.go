// Package hardwarehash reads and writes the hardware hash ("4K hash") that OA3
// tools and Windows give for a device. It is the only package that knows the
// bytes: the envelope with its SHA-256 trailer, every record type, the text
// form. It also says which values identify a device (Identity), which are
// missing or placeholders (Quality), and makes hashes of invented devices
// (Generator) so that anybody can try without hardware.
//
// A hash is an inventory in clear text with an integrity check, and no
// signature: whoever can write bytes can write a valid hash. So it is a claim,
// never a proof, and nothing here decides who owns a device.
//
// The package does no I/O, keeps no state between calls, and reports a refusal
// without repeating the hash.
package hardwarehash
