// Package collect reads from a running Linux what a hardware hash says of a machine:
// SMBIOS, disks, network adapters, memory, processor, display and TPM.
//
// Nothing is invented. What cannot be read stays unknown, and a note says why: a
// container sees little of its host, and serial numbers are for root only. The ACPI
// table that holds the machine's 5x5 product key is never opened.
package collect
