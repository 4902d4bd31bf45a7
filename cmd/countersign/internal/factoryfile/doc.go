// Package factoryfile reads what a factory has on its disks: OA3Tool's reports, one
// file a machine or many in one, and build reports as JSON. It tells them from
// everything else OA3Tool leaves lying around, and above all from its input files,
// which hold 5x5 product keys: those are refused before anything of them is kept.
//
// It sends nothing. No error of this package quotes what stands in a file.
package factoryfile
