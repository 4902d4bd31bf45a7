package hardwarehash

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
)

// RepairKind says what was done to a device before it was captured again.
type RepairKind string

// The kinds of repair.
const (
	RepairNone   RepairKind = "recapture" // nothing: another run of another tool
	RepairDisk   RepairKind = "disk"
	RepairNIC    RepairKind = "nic"
	RepairMemory RepairKind = "memory"
	RepairTPM    RepairKind = "tpm"
	RepairBoard  RepairKind = "board" // with TPM and adapters on it
	RepairDonor  RepairKind = "donor" // a part of another device moves in
)

// RepairKinds lists all kinds.
func RepairKinds() []RepairKind {
	return []RepairKind{RepairNone, RepairDisk, RepairNIC, RepairMemory, RepairTPM, RepairBoard, RepairDonor}
}

// Repair describes what was done. The flags are about a new or a donor's board.
type Repair struct {
	Kind  RepairKind
	Donor *Report    // whose part moves in; with RepairDonor only
	Part  RepairKind // which: RepairBoard, RepairDisk or RepairNIC

	KeepSerial bool // the repairer wrote the old serial and makers' texts, and the product key, into the new board
	KeepUUID   bool // and the old UUID
	KeepNICs   bool // the adapters are not on the board and stay
}

// The refusals of Repair.
var (
	ErrNoDonor = errors.New("a repair with a donor's part needs the donor's hash, and a part: board, disk or nic")
	ErrNoPart  = errors.New("the hash of the donor, or of the device, does not state this part")
)

// RepairDevice gives the hash that a device would give after a repair, captured some
// time later by another build. New parts are invented and belong to nothing else. The
// same hash, repair and seed give the same hash.
func RepairDevice(r *Report, repair Repair, seed uint64) (*Report, error) {
	if repair.Kind == RepairNone {
		return Recapture(r, seed)
	}
	inv := r.Inventory
	g := NewGenerator(repairSeed(r, seed))
	if err := g.repair(&inv, repair); err != nil {
		return nil, err
	}
	recaptureRun(&inv, rand.New(rand.NewPCG(seed, 0x4E9A12)))
	var unknown []Record
	for _, rec := range r.Records {
		if !isKnown(rec.Type) {
			unknown = append(unknown, rec)
		}
	}
	return New(inv, unknown...)
}

// repairSeed makes new parts differ from those of the generator that may have made
// the device, and from those of other devices repaired with the same seed.
func repairSeed(r *Report, seed uint64) uint64 {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(Trim(r.Encode()), seed))
	return binary.LittleEndian.Uint64(sum[:])
}

func (g *Generator) repair(inv *Inventory, repair Repair) error {
	switch repair.Kind {
	case RepairDisk:
		g.fitDisk(inv)
	case RepairNIC:
		if len(inv.NICs) == 0 {
			return ErrNoPart
		}
		g.fitNIC(inv, len(inv.NICs)-1)
	case RepairMemory:
		if inv.Memory == nil {
			return ErrNoPart
		}
		fitMemory(inv)
	case RepairTPM:
		g.fitTPM(inv)
	case RepairBoard:
		fresh := *inv
		g.fitBoard(&fresh)
		fresh.NICs = []NIC{g.nic(9), g.nic(14)}
		repair.moveBoard(inv, &fresh)
	case RepairDonor:
		return repair.moveDonor(inv)
	default:
		return fmt.Errorf("a repair %q is not known", repair.Kind)
	}
	return nil
}

// moveDonor puts a part of the donor in.
func (p Repair) moveDonor(inv *Inventory) error {
	if p.Donor == nil {
		return ErrNoDonor
	}
	from := &p.Donor.Inventory
	switch p.Part {
	case RepairBoard:
		p.moveBoard(inv, from)
	case RepairDisk:
		if len(from.Disks) == 0 && from.SystemDisk == nil {
			return ErrNoPart
		}
		inv.Drives, inv.Disks, inv.SystemDisk = from.Drives, from.Disks, from.SystemDisk
	case RepairNIC:
		if len(from.NICs) == 0 || len(inv.NICs) == 0 {
			return ErrNoPart
		}
		inv.NICs = append(slices.Clone(inv.NICs[:len(inv.NICs)-1]), from.NICs[len(from.NICs)-1])
	default:
		return ErrNoDonor
	}
	return nil
}

// moveBoard takes everything a board carries. The endorsement key can never be
// rewritten; the rest only if the repairer did.
func (p Repair) moveBoard(inv, from *Inventory) {
	inv.EKPub, inv.OfflineID, inv.TPMVersion = from.EKPub, from.OfflineID, from.TPMVersion
	inv.Board, inv.FirmwareVendor = from.Board, from.FirmwareVendor
	if !p.KeepUUID {
		inv.UUID = from.UUID
	}
	if !p.KeepSerial {
		inv.System, inv.ProductKeyID, inv.KeyPartNumber = from.System, from.ProductKeyID, from.KeyPartNumber
	}
	if !p.KeepNICs {
		inv.NICs = from.NICs
	}
}
