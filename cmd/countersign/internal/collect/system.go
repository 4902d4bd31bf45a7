package collect

import (
	"strconv"
	"strings"

	"countersign/registration/hardwarehash"
)

// processor reads /proc/cpuinfo. Without physical ids, as in many virtual machines
// and on ARM, every thread is taken for a core of one package.
func (c *collector) processor() {
	text, err := c.read("proc/cpuinfo")
	if err != nil || text == "" {
		c.note("ProcessorModel", why("/proc/cpuinfo", err))
		return
	}
	threads := uint16(0)
	packages, cores := map[string]bool{}, map[string]bool{}
	var socket string
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(name) {
		case "processor":
			threads++
		case "vendor_id":
			c.inv.ProcessorVendor = value
		case "model name":
			c.inv.ProcessorModel = value
		case "physical id":
			socket = value
			packages[socket] = true
		case "core id":
			cores[socket+"/"+value] = true
		}
	}
	p := &hardwarehash.Processor{Architecture: architectures[c.Arch], Packages: 1, Cores: threads, Threads: threads}
	if len(packages) > 0 && len(cores) > 0 {
		p.Packages, p.Cores = uint16(len(packages)), uint16(len(cores))
	}
	if p.Threads > p.Cores {
		p.HyperThreading = 1
	}
	c.inv.Processor = p
}

const gib = 1 << 30

// memory takes what is plugged in from SMBIOS, else what the kernel manages, which is
// a little less than there is and so is rounded up.
func (c *collector) memory() {
	m := &hardwarehash.Memory{}
	var total uint64
	c.each(smbiosMemoryArray, func(s structure) {
		m.Arrays++
		m.MaximumGB += arrayBytes(s) / gib
		m.ErrorCorrection = s.data[min(6, len(s.data)-1)]
		if m.Slots += s.u16(0x0D); m.ErrorCorrection == 0 {
			m.ErrorCorrection = 3
		}
	})
	c.each(smbiosMemoryDevice, func(s structure) { total += deviceBytes(s) })
	if total == 0 {
		total = c.managed()
	}
	if total == 0 {
		c.note("TotalPhysicalRAM", "Neither SMBIOS nor /proc/meminfo states it.")
		return
	}
	m.PhysicalGB = (total + gib - 1) / gib
	if m.ErrorCorrection == 0 {
		m.ErrorCorrection = unknownECC
	}
	c.inv.Memory = m
}

// unknownECC is SMBIOS's own number for "unknown".
const unknownECC = 2

// arrayBytes is the maximum capacity: in KiB, or extended in bytes.
func arrayBytes(s structure) uint64 {
	if kib := s.u32(7); kib != 1<<31 {
		return uint64(kib) << 10
	}
	return s.u64(0x0F)
}

// deviceBytes is the size of a module: 0 empty, all ones unknown, 0x7FFF extended in
// MiB, and in KiB when the top bit is set.
func deviceBytes(s structure) uint64 {
	switch n := s.u16(0x0C); {
	case n == 0xFFFF:
		return 0
	case n == 0x7FFF:
		return uint64(s.u32(0x1C)&0x7FFFFFFF) << 20
	case n&0x8000 != 0:
		return uint64(n&0x7FFF) << 10
	default:
		return uint64(n) << 20
	}
}

func (c *collector) managed() uint64 {
	for line := range strings.Lines(c.word("proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

const (
	internalOutput = 0x80000000
	otherOutput    = 0xFFFFFFFF
)

// display reads the EDID (VESA E-EDID 1.4) of the built-in display, else of the first
// that is connected.
func (c *collector) display() {
	var found *hardwarehash.Display
	for _, name := range c.names("sys/class/drm") {
		edid, err := c.bytes("sys/class/drm", name, "edid")
		if err != nil || len(edid) < 128 {
			continue
		}
		_, connector, _ := strings.Cut(name, "-")
		internal := strings.HasPrefix(connector, "eDP") || strings.HasPrefix(connector, "LVDS") || strings.HasPrefix(connector, "DSI")
		if found == nil || internal {
			found = displayOf(edid, internal)
		}
		if internal {
			break
		}
	}
	c.inv.Display = found
	if found != nil {
		c.inv.DisplayCM = &hardwarehash.DisplaySize{Width: found.WidthMM / 10, Height: found.HeightMM / 10}
	}
}

// displayOf reads the first detailed timing, which is the preferred one.
func displayOf(edid []byte, internal bool) *hardwarehash.Display {
	t := edid[54:72]
	d := &hardwarehash.Display{
		WidthPx: uint16(t[2]) | uint16(t[4]>>4)<<8, HeightPx: uint16(t[5]) | uint16(t[7]>>4)<<8,
		WidthMM: uint16(t[12]) | uint16(t[14]>>4)<<8, HeightMM: uint16(t[13]) | uint16(t[14]&0xF)<<8,
		Output: otherOutput,
	}
	if internal {
		d.Output = internalOutput
	}
	if d.WidthMM == 0 || d.HeightMM == 0 {
		d.WidthMM, d.HeightMM = uint16(edid[21])*10, uint16(edid[22])*10
	}
	return d
}
