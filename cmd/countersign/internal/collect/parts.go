package collect

import (
	"path"
	"strconv"
	"strings"

	"countersign/registration/hardwarehash"
)

// Windows' numbers of the buses disks hang on (STORAGE_BUS_TYPE).
const (
	busSCSI = 1
	busSAS  = 10
	busSATA = 11
	busSD   = 12
	busMMC  = 13
	busNVMe = 17
)

// disks lists the fixed disks, the system's first.
func (c *collector) disks() {
	system := c.systemDisk()
	var names []string
	for _, name := range c.names("sys/block") {
		if c.fixedDisk(name) {
			names = append(names, name)
		}
	}
	for i, name := range names {
		if name == system {
			copy(names[1:i+1], names[:i])
			names[0] = name
		}
	}
	for _, name := range names {
		drive, disk := c.disk(name)
		c.inv.Drives, c.inv.Disks = append(c.inv.Drives, drive), append(c.inv.Disks, disk)
		if name == system {
			c.inv.SystemDisk = &disk
		}
	}
	c.noteDisks(names)
}

func (c *collector) noteDisks(names []string) {
	switch {
	case len(names) == 0:
		c.note("DiskSerialNumber", "There is no fixed disk in /sys/block.")
	case c.inv.SystemDisk == nil && len(names) > 1:
		c.note("DiskSerialNumber", "Which of the disks is the system's cannot be told from here: / lies on none of them.")
	case c.inv.Disks[0].Serial == "":
		c.note("DiskSerialNumber", "The disk "+names[0]+" does not show a serial number.")
	}
}

// fixedDisk leaves out what is made of other disks, and what can be pulled out.
func (c *collector) fixedDisk(name string) bool {
	at := c.resolved("sys/block", name)
	if at == "" || strings.Contains(at, "/virtual/") || strings.Contains(at, "/usb") || c.word("sys/block", name, "removable") == "1" {
		return false
	}
	sectors, ok := c.number("sys/block", name, "size")
	optical := strings.HasPrefix(name, "sr") || strings.HasPrefix(name, "fd")
	return ok && sectors > 0 && !optical && !strings.Contains(name, "boot") && c.exists("sys/block", name, "device")
}

// sector is the unit of sysfs, whatever the disk's own is.
const sector = 512

func (c *collector) disk(name string) (hardwarehash.Drive, hardwarehash.Disk) {
	sectors, _ := c.number("sys/block", name, "size")
	drive := hardwarehash.Drive{
		CapacityGB: sectors * sector / 1e9, Bus: c.diskBus(name),
		SeekPenalty: c.flag("sys/block", name, "queue/rotational"), Trim: c.flag("sys/block", name, "queue/discard_max_bytes"),
	}
	vendor := c.word("sys/block", name, "device/vendor")
	if strings.HasPrefix(vendor, "0x") { // of virtio: a PCI number, not a name
		vendor = ""
	}
	text := c.diskSerial(name) + "|" + c.word("sys/block", name, "device/model") + "|" + vendor
	return drive, hardwarehash.NewDisk(text)
}

// flag is 1 for any number but zero, and -1 where nothing is said.
func (c *collector) flag(parts ...string) int8 {
	n, ok := c.number(parts...)
	switch {
	case !ok:
		return -1
	case n == 0:
		return 0
	}
	return 1
}

func (c *collector) diskBus(name string) uint16 {
	at := c.resolved("sys/block", name)
	switch {
	case strings.HasPrefix(name, "nvme"):
		return busNVMe
	case strings.HasPrefix(name, "mmcblk") && c.word("sys/block", name, "device/type") == "SD":
		return busSD
	case strings.HasPrefix(name, "mmcblk"):
		return busMMC
	case strings.Contains(at, "/ata"):
		return busSATA
	case strings.Contains(at, "/end_device-"):
		return busSAS
	}
	return busSCSI
}

// diskSerial gives an NVMe disk the form Windows gives it, made of its EUI-64 or NGUID
// in groups of four; Windows does not show the serial number there.
func (c *collector) diskSerial(name string) string {
	if id, ok := strings.CutPrefix(c.word("sys/block", name, "wwid"), "eui."); ok && strings.HasPrefix(name, "nvme") && len(id)%4 == 0 {
		var groups []string
		for ; id != ""; id = id[4:] {
			groups = append(groups, strings.ToUpper(id[:4]))
		}
		return strings.Join(groups, "_") + "."
	}
	for _, file := range []string{"device/serial", "serial"} {
		if s := c.word("sys/block", name, file); s != "" {
			return s
		}
	}
	page, err := c.bytes("sys/block", name, "device/vpd_pg80") // SPC-4: four bytes, then the text
	if err != nil || len(page) < 4 {
		return ""
	}
	return strings.TrimSpace(string(page[4:]))
}

// systemDisk is the disk that / lies on, empty when it lies on none that is seen.
func (c *collector) systemDisk() string {
	for line := range strings.Lines(c.word("proc/self/mountinfo")) {
		fields := strings.Fields(line) // id parent major:minor root mountpoint …
		if len(fields) < 5 || fields[4] != "/" {
			continue
		}
		if c.exists("sys/dev/block", fields[2]) {
			return c.below(c.resolved("sys/dev/block", fields[2]))
		}
		_, after, _ := strings.Cut(line, " - ") // … - type source options
		if source := strings.Fields(after); len(source) > 1 && strings.HasPrefix(source[1], "/dev/") {
			return c.below(c.resolved("sys/class/block", path.Base(source[1])))
		}
	}
	return ""
}

// mostLayers bounds encrypted volumes on volumes on arrays.
const mostLayers = 8

// below goes from a partition to its disk, and from what is made of disks to the
// first of them.
func (c *collector) below(at string) string {
	for range mostLayers {
		if at == "" {
			return ""
		}
		name := path.Base(at)
		if slaves := c.names("sys/class/block", name, "slaves"); len(slaves) > 0 {
			at = c.resolved("sys/class/block", slaves[0])
			continue
		}
		if c.exists("sys/block", name) {
			return name
		}
		at = path.Dir(at)
		if path.Base(at) == "block" {
			return ""
		}
	}
	return ""
}

// Windows' names of the buses adapters hang on. A virtio adapter is a PCI device to
// Windows.
var adapterBuses = map[string]string{"pci": "PCI", "virtio": "PCI", "vmbus": "VMBUS", "platform": "ACPI", "sdio": "SD", "xen": "XENBUS"}

const (
	mediumWLAN     = 9
	mediumEthernet = 14
	etherType      = "1" // ARPHRD_ETHER
)

// adapters lists the fixed ones with the address they were made with.
func (c *collector) adapters() {
	for _, name := range c.names("sys/class/net") {
		if nic, ok := c.adapter(name); ok {
			c.inv.NICs = append(c.inv.NICs, nic)
		}
	}
	if len(c.inv.NICs) == 0 {
		c.note("MacAddress", "No built-in network adapter is seen in /sys/class/net; USB and virtual ones do not count.")
	}
}

func (c *collector) adapter(name string) (hardwarehash.NIC, bool) {
	bus, fixed := adapterBuses[path.Base(c.resolved("sys/class/net", name, "device/subsystem"))]
	if !fixed || c.word("sys/class/net", name, "type") != etherType || strings.Contains(c.resolved("sys/class/net", name), "/usb") {
		return hardwarehash.NIC{}, false
	}
	text := c.word("sys/class/net", name, "bonding_slave/perm_hwaddr")
	if text == "" {
		if assigned := c.word("sys/class/net", name, "addr_assign_type"); assigned != "0" && assigned != "" {
			c.note("MacAddress", "The address of "+name+" was set by software, so it is not the adapter's own and is left out.")
			return hardwarehash.NIC{}, false
		}
		text = c.word("sys/class/net", name, "address")
	}
	mac, ok := hardwarehash.ParseMAC(text)
	if !ok {
		return hardwarehash.NIC{}, false
	}
	if mac[0]&2 != 0 {
		c.note("MacAddress", "The address of "+name+" is locally administered, as virtual machines have it, and identifies nothing.")
	}
	medium := uint32(mediumEthernet)
	if c.exists("sys/class/net", name, "wireless") || c.exists("sys/class/net", name, "phy80211") {
		medium = mediumWLAN
	}
	return hardwarehash.NIC{Medium: medium, MAC: mac, Bus: bus}, true
}

// shortNumber prints a small number.
func shortNumber(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
