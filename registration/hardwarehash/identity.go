package hardwarehash

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
)

// Digest is a SHA-256.
type Digest [32]byte

// String gives lower-case hex.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Identity holds the values by which a device is recognised, cleaned: blanks cut
// off, placeholders of firmware that nobody filled in blanked. The zero value of
// a member means unknown and must never count for or against a match.
type Identity struct {
	EK           Digest // SHA-256 of the TPM's endorsement key
	UUID         UUID   // SMBIOS UUID
	Manufacturer string
	Product      string
	Serial       string
	SystemDisk   string // serial|product|vendor, each without outer blanks
	MACs         []MAC  // fixed adapters only, sorted, each once
	ProductKeyID string // 13 digits
}

// Identity extracts what identifies the device.
func (r *Report) Identity() Identity {
	inv := &r.Inventory
	ek := r.ek
	if ek == (Digest{}) {
		ek = inv.ekDigest()
	}
	return Identity{
		EK:           ek,
		UUID:         cleanUUID(inv.UUID),
		Manufacturer: CleanText(inv.System.Manufacturer),
		Product:      CleanText(inv.System.Product),
		Serial:       CleanText(inv.System.Serial),
		SystemDisk:   cleanDisk(inv.systemDisk()),
		MACs:         fixedMACs(inv.NICs),
		ProductKeyID: cleanKeyID(inv.ProductKeyID),
	}
}

// HasTuple reports whether manufacturer, product and serial are all known.
func (id *Identity) HasTuple() bool {
	return id.Manufacturer != "" && id.Product != "" && id.Serial != ""
}

func (inv *Inventory) ekDigest() Digest {
	if len(inv.EKPub) > 0 {
		if allZero(inv.EKPub) {
			return Digest{}
		}
		return sha256.Sum256(inv.EKPub)
	}
	if inv.OfflineID != nil && inv.OfflineID.Kind == KindTPM {
		return inv.OfflineID.ID
	}
	return Digest{}
}

// systemDisk is the disk that the hash names as such, else the only one there
// is. Among several unnamed ones nobody can tell.
func (inv *Inventory) systemDisk() Disk {
	if inv.SystemDisk != nil {
		return *inv.SystemDisk
	}
	if len(inv.Disks) == 0 {
		return Disk{}
	}
	for _, d := range inv.Disks[1:] {
		if d.Text != inv.Disks[0].Text {
			return Disk{}
		}
	}
	return inv.Disks[0]
}

// cleanDisk blanks a disk whose serial names no single disk: two drives of one
// model would otherwise look like one part that moved.
func cleanDisk(d Disk) string {
	serial := CleanText(d.Serial)
	if strings.Trim(serial, "0_-. ") == "" {
		return ""
	}
	return serial + "|" + dropControls(d.Product) + "|" + dropControls(d.Vendor)
}

func fixedMACs(nics []NIC) []MAC {
	if len(nics) == 0 {
		return nil
	}
	macs := make([]MAC, 0, len(nics))
	for _, n := range nics {
		if !removable(n.Bus) && !n.MAC.isPlaceholder() {
			macs = append(macs, n.MAC)
		}
	}
	if len(macs) == 0 {
		return nil
	}
	slices.SortFunc(macs, func(a, b MAC) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(macs)
}

// removable adapters move between devices and say nothing about either.
func removable(bus string) bool { return len(bus) >= 3 && strings.EqualFold(bus[:3], "USB") }

// isPlaceholder reports addresses that no maker gave to one adapter: zero, group
// addresses (all ones among them) and locally administered ones.
func (m MAC) isPlaceholder() bool { return m == MAC{} || m[0]&3 != 0 }

// defaultUUID is what boards carry whose maker set none (AMI's default).
var defaultUUID = UUID{3, 0, 2, 0, 4, 0, 5, 0, 0, 6, 0, 7, 0, 8, 0, 9}

func cleanUUID(u *UUID) UUID {
	if u == nil || *u == defaultUUID || bytes.Count(u[:], []byte{0xFF}) == len(u) {
		return UUID{}
	}
	return *u
}

func cleanKeyID(s string) string {
	s = strings.TrimSpace(s)
	if len(s) != 13 || strings.Trim(s, "0123456789") != "" || strings.Trim(s, "0") == "" {
		return ""
	}
	return s
}

// placeholders are texts that firmware vendors ship and makers forget to replace,
// in lower case.
var placeholders = map[string]bool{
	"system serial number": true, "system manufacturer": true, "system product name": true,
	"not specified": true, "not applicable": true, "none": true, "n/a": true, "(null)": true,
	"0123456789": true, "123456789": true,
}

// CleanText cuts outer blanks and control characters off a firmware text and
// blanks it if it is a known placeholder. The same cleaning applies to what a row
// states, so that both sides compare alike.
func CleanText(s string) string {
	s = dropControls(s)
	if isPlaceholder(s) {
		return ""
	}
	return s
}

func isPlaceholder(s string) bool {
	var room [128]byte // no placeholder is longer, but one may stand inside a longer text
	low := room[:0]
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		low = append(low, c)
	}
	return placeholders[string(low)] || strings.Trim(s, "0") == "" ||
		bytes.Contains(low, []byte("to be filled by o.e.m")) ||
		bytes.Contains(low, []byte("default string")) || bytes.Contains(low, []byte("default_string")) ||
		isMissingIndex(low)
}

// isMissingIndex recognises smbios_string_index_<n>, OA3Tool's word for a text
// that the firmware does not have.
func isMissingIndex(low []byte) bool {
	n, ok := bytes.CutPrefix(low, []byte("smbios_string_index_"))
	return ok && len(n) > 0 && len(bytes.Trim(n, "0123456789")) == 0
}

func dropControls(s string) string {
	s = strings.TrimSpace(s)
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	drop := func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}
	return strings.TrimSpace(strings.Map(drop, s))
}
