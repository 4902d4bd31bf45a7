package hardwarehash

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"
)

// Generator makes invented devices. Two generators of one seed give the same
// devices in the same order; makers, serials, addresses and keys belong to no
// real machine. Within one generator nothing that identifies a device repeats.
type Generator struct {
	rnd    *rand.Rand
	start  time.Time
	prefix [3]byte // of all MAC addresses: one invented adapter maker per seed
	line   string  // of all serials: one invented production line per seed
	keys   uint64  // where product key ids begin
	next   uint64  // device counter
	boards uint64  // board counter
	mac    uint64  // adapter counter
	disk   uint64  // disk counter
}

// NewGenerator starts a sequence of devices.
func NewGenerator(seed uint64) *Generator {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	rnd := rand.New(rand.NewChaCha8(sha256.Sum256(append(key[:], "invented devices"...))))
	g := &Generator{rnd: rnd, start: time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC), line: word(rnd, 5), keys: rnd.Uint64N(1e11)}
	binary.BigEndian.PutUint16(g.prefix[1:], uint16(rnd.Uint32()))
	g.prefix[0] = byte(rnd.UintN(64)) << 2 // neither a group address nor locally administered
	return g
}

// Device is an invented device with the hash it would give.
type Device struct {
	Report *Report
}

// Hash returns the text form.
func (d Device) Hash() string { return d.Report.Text() }

// Next makes the next device.
func (g *Generator) Next() Device {
	inv := g.inventory()
	g.next++
	return g.device(inv)
}

// NextIdentity makes the next device as Next does and returns only what identifies
// it. Without encoding a hash it is fast enough to fill a store with millions.
func (g *Generator) NextIdentity() Identity {
	report := Report{Inventory: g.inventory()}
	g.next++
	return report.Identity()
}

// device encodes an inventory that is known to fit.
func (g *Generator) device(inv Inventory) Device {
	report, err := New(inv)
	if err != nil {
		panic(fmt.Sprintf("hardwarehash: an invented device does not fit a hash: %v", err))
	}
	return Device{Report: report}
}

func (g *Generator) inventory() Inventory {
	m := catalogue[g.rnd.IntN(len(catalogue))]
	inv := Inventory{
		Capture:         g.capture(),
		Processor:       &Processor{Architecture: 9, Packages: 1, Cores: m.cores, Threads: 2 * m.cores, HyperThreading: 1},
		ProcessorVendor: m.cpuVendor, ProcessorModel: m.cpu,
		Memory:         &Memory{PhysicalGB: 8 << g.rnd.UintN(3), MaximumGB: 64, Slots: 2, Arrays: 1, ErrorCorrection: 3},
		Chassis:        &Chassis{Type: m.chassis, Role: m.role, Unknown: 1},
		FirmwareVendor: "Glimmer Firmware Works",
		System:         System{Manufacturer: m.maker, Product: m.product, SKU: m.sku, Family: m.family, Version: "Rev 1.2"},
		Board:          Board{Manufacturer: m.maker, Product: "MB-" + m.sku, Version: "A03"},
		ProductKeyID:   fmt.Sprintf("33%011d", (g.keys+g.next*keyStride)%1e11),
		KeyPartNumber:  "[TH]X99-00001",
		GPUMemory:      []GPUMemory{{DedicatedVideo: 128 << 20, Removal: 1, InLocalContainer: 1}},
		GPUs:           []GPU{{Manufacturer: "Fathom Graphics", Model: "Fathom Sound 750"}},
		Language:       &Language{"en-GB", "en-GB", "GMT Standard Time", "en-GB", "00000809"},
	}
	if m.panel != nil {
		panel := *m.panel
		inv.Display = &panel
		inv.DisplayCM = &DisplaySize{Width: panel.WidthMM / 10, Height: panel.HeightMM / 10}
	}
	g.fitBoard(&inv)
	inv.NICs = []NIC{g.nic(9), g.nic(14)}
	g.fitDisk(&inv)
	return inv
}

// keyStride spreads the product key ids: sequential ones look like somebody
// probing. It shares no factor with 10, so no id comes twice.
const keyStride = 38742048901

// fitBoard gives the board-bound identity: UUID, serial, endorsement key.
func (g *Generator) fitBoard(inv *Inventory) {
	inv.System.Serial = fmt.Sprintf("%s%07d", g.line, g.serial())
	id := UUID(g.bytes(16))
	id[6], id[8] = id[6]&0x0F|0x40, id[8]&0x3F|0x80 // RFC 9562: version 4
	inv.UUID = &id
	key := g.bytes(256)
	key[0], key[255] = key[0]|0x80, key[255]|1 // a modulus has its top bit set and is odd
	inv.EKPub = key
	inv.OfflineID = &OfflineID{Kind: KindTPM, ID: sha256.Sum256(key)}
	inv.TPMVersion = fmt.Sprintf("TPM-Version:2.0 -Level:0-Revision:1.59-VendorID:'GLMR'-Firmware:%d.%d", 458752+g.rnd.UintN(9), g.rnd.UintN(1<<20))
}

// serial counts boards, not devices: a spare board has a number of its own.
func (g *Generator) serial() uint64 {
	g.boards++
	return g.boards
}

func (g *Generator) nic(medium uint32) NIC {
	g.mac++
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], g.mac)
	return NIC{Medium: medium, MAC: MAC{g.prefix[0], g.prefix[1], g.prefix[2], b[5], b[6], b[7]}, Bus: "PCI"}
}

func (g *Generator) fitDisk(inv *Inventory) {
	g.disk++
	text := fmt.Sprintf("%s_%04X_%04X.|Halden NV3 %d|", g.line, g.disk>>16, g.disk&0xFFFF, 512)
	disk := NewDisk(text)
	inv.Drives = []Drive{{CapacityGB: 512, Bus: busNVMe, SeekPenalty: 0, Trim: 1}}
	inv.Disks = []Disk{disk}
	inv.SystemDisk = &disk
}

func (g *Generator) capture() *Capture {
	return &Capture{
		Tool: Version{10, 0, 26100, 1}, OS: Version{10, 0, 26100, 1742},
		Time:         g.start.Add(time.Duration(g.next) * 41 * time.Second),
		ZoneQuarters: 0, OSType: OSTypeFull, Architecture: 9, ToolVersion: 9,
	}
}

func (g *Generator) bytes(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(g.rnd.Uint32())
	}
	return out
}

// word makes letters and digits without those that are mistaken for each other.
func word(rnd *rand.Rand, n int) string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[rnd.IntN(len(letters))]
	}
	return string(out)
}
