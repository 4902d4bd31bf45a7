package hardwarehash

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Recapture gives another hash of the same device, as a later run of another tool
// on another build would: other time, builds, record order, adapter order, one
// adapter listed twice, another graphics driver. What identifies the device stays.
// The same seed gives the same hash.
func Recapture(r *Report, seed uint64) (*Report, error) {
	rnd := rand.New(rand.NewPCG(seed, 0x5EC0ED))
	inv := r.Inventory
	recaptureRun(&inv, rnd)
	inv.NICs = slices.Clone(inv.NICs)
	if n := len(inv.NICs); n > 0 {
		rnd.Shuffle(n, func(i, j int) { inv.NICs[i], inv.NICs[j] = inv.NICs[j], inv.NICs[i] })
		inv.NICs = append(inv.NICs, inv.NICs[rnd.IntN(n)])
	}
	inv.GPUs = []GPU{{Manufacturer: "Microsoft", Model: "Microsoft Basic Display Driver"}}
	inv.GPUMemory = []GPUMemory{{Removal: 1}}

	records := inv.records()
	rnd.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	for _, rec := range r.Records {
		if !isKnown(rec.Type) {
			records = append(records, rec)
		}
	}
	return fromRecords(records)
}

func recaptureRun(inv *Inventory, rnd *rand.Rand) {
	run := Capture{ZoneQuarters: 4, OSType: OSTypeFull, Architecture: 9, Time: epoch}
	if inv.Capture != nil {
		run = *inv.Capture
	}
	run.Time = run.Time.Add(time.Duration(1+rnd.IntN(500*24*3600)) * time.Second)
	run.Tool.Build += uint16(1 + rnd.IntN(900))
	run.OS.Build += uint16(1 + rnd.IntN(900))
	run.OS.Revision = uint16(rnd.IntN(4000))
	inv.Capture = &run
}

// The following methods give the hash of a device after a repair with a part that
// no other device of the generator has.

// NewDisk replaces all disks.
func (g *Generator) NewDisk(d Device) Device {
	inv := d.Report.Inventory
	g.fitDisk(&inv)
	return g.device(inv)
}

// NewNIC replaces the adapter at index i.
func (g *Generator) NewNIC(d Device, i int) Device {
	inv := d.Report.Inventory
	g.fitNIC(&inv, i)
	return g.device(inv)
}

// NewMemory replaces the memory modules.
func (g *Generator) NewMemory(d Device) Device {
	inv := d.Report.Inventory
	fitMemory(&inv)
	return g.device(inv)
}

// NewBoard replaces the motherboard and everything on it: UUID, serial, TPM and
// adapters. Disk and product key stay.
func (g *Generator) NewBoard(d Device) Device {
	inv := d.Report.Inventory
	g.fitBoard(&inv)
	inv.NICs = []NIC{g.nic(9), g.nic(14)}
	return g.device(inv)
}

// NewTPM replaces a discrete TPM only.
func (g *Generator) NewTPM(d Device) Device {
	inv := d.Report.Inventory
	g.fitTPM(&inv)
	return g.device(inv)
}

// The parts that a repair fits, in a generator's device and in any other. Slices and
// pointers are replaced, never written through: the device before the repair keeps its own.

func (g *Generator) fitNIC(inv *Inventory, i int) {
	inv.NICs = slices.Clone(inv.NICs)
	inv.NICs[i] = g.nic(inv.NICs[i].Medium)
}

func fitMemory(inv *Inventory) {
	memory := *inv.Memory
	memory.PhysicalGB *= 2
	inv.Memory = &memory
}

func (g *Generator) fitTPM(inv *Inventory) {
	fresh := *inv
	g.fitBoard(&fresh)
	inv.EKPub, inv.OfflineID, inv.TPMVersion = fresh.EKPub, fresh.OfflineID, fresh.TPMVersion
}
