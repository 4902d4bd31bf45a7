package collect

import (
	"encoding/binary"
	"strings"

	"countersign/registration/hardwarehash"
)

// structure is one entry of the SMBIOS table (DMTF DSP0134).
type structure struct {
	kind    byte
	data    []byte // the formatted part, its header of four bytes included
	strings []string
}

// The structures that are read, and where their texts stand.
const (
	smbiosFirmware     = 0
	smbiosSystem       = 1
	smbiosBoard        = 2
	smbiosMemoryArray  = 16
	smbiosMemoryDevice = 17
	smbiosEnd          = 127
)

// structures takes the table apart and stops at what is not whole.
func structures(raw []byte) []structure {
	var out []structure
	for len(raw) >= 4 && int(raw[1]) >= 4 && int(raw[1]) <= len(raw) {
		s := structure{kind: raw[0], data: raw[:raw[1]]}
		raw = raw[raw[1]:]
		var ended bool
		if s.strings, raw, ended = texts(raw); !ended {
			break
		}
		out = append(out, s)
		if s.kind == smbiosEnd {
			break
		}
	}
	return out
}

// texts reads NUL-ended texts up to the empty one that ends them.
func texts(raw []byte) (list []string, rest []byte, ended bool) {
	if len(raw) >= 2 && raw[0] == 0 && raw[1] == 0 {
		return nil, raw[2:], true
	}
	for {
		s, after, found := strings.Cut(string(raw), "\x00")
		switch {
		case !found:
			return list, nil, false
		case s == "":
			return list, raw[1:], true
		}
		list = append(list, strings.TrimSpace(s))
		raw = raw[len(raw)-len(after):]
	}
}

// text is the string whose number stands at an offset.
func (s structure) text(at int) string {
	if at >= len(s.data) || s.data[at] == 0 || int(s.data[at]) > len(s.strings) {
		return ""
	}
	return s.strings[s.data[at]-1]
}

func (s structure) u16(at int) uint16 {
	if at+2 > len(s.data) {
		return 0
	}
	return binary.LittleEndian.Uint16(s.data[at:])
}

func (s structure) u32(at int) uint32 {
	if at+4 > len(s.data) {
		return 0
	}
	return binary.LittleEndian.Uint32(s.data[at:])
}

func (s structure) u64(at int) uint64 {
	if at+8 > len(s.data) {
		return 0
	}
	return binary.LittleEndian.Uint64(s.data[at:])
}

func (c *collector) each(kind byte, do func(structure)) {
	for _, s := range c.tables {
		if s.kind == kind {
			do(s)
		}
	}
}

// first is the text of the first structure of a kind.
func (c *collector) first(kind byte, at int) string {
	for _, s := range c.tables {
		if s.kind == kind {
			return s.text(at)
		}
	}
	return ""
}

const dmi = "sys/class/dmi/id"

// smbios reads the kernel's reading of the table, and the table itself for what the
// kernel leaves out.
func (c *collector) smbios() {
	raw, err := c.bytes("sys/firmware/dmi/tables/DMI")
	if err == nil {
		c.tables = structures(raw)
	}
	inv := &c.inv
	for _, t := range []struct {
		to    *string
		file  string
		kind  byte
		at    int
		field string // named in a note when it is missing
	}{
		{&inv.FirmwareVendor, "bios_vendor", smbiosFirmware, 4, ""},
		{&inv.System.Manufacturer, "sys_vendor", smbiosSystem, 4, "SmbiosSystemManufacturer"},
		{&inv.System.Product, "product_name", smbiosSystem, 5, "SmbiosSystemProductName"},
		{&inv.System.Version, "product_version", smbiosSystem, 6, ""},
		{&inv.System.Serial, "product_serial", smbiosSystem, 7, "SmbiosSystemSerialNumber"},
		{&inv.System.SKU, "product_sku", smbiosSystem, 0x19, "SmbiosSkuNumber"},
		{&inv.System.Family, "product_family", smbiosSystem, 0x1A, "SmbiosSystemFamily"},
		{&inv.Board.Manufacturer, "board_vendor", smbiosBoard, 4, ""},
		{&inv.Board.Product, "board_name", smbiosBoard, 5, ""},
		{&inv.Board.Version, "board_version", smbiosBoard, 6, ""},
	} {
		value, err := c.read(dmi, t.file)
		if value == "" {
			value = c.first(t.kind, t.at)
		}
		*t.to = value
		if value == "" && t.field != "" {
			c.note(t.field, why("/"+dmi+"/"+t.file, err))
		}
	}
	c.uuid()
	c.chassis()
}

// uuid takes the kernel's text, which knows how old tables order the bytes. In the
// table itself they are mixed-endian since SMBIOS 2.6.
func (c *collector) uuid() {
	text, err := c.read(dmi, "product_uuid")
	if id, ok := hardwarehash.ParseUUID(text); ok {
		c.inv.UUID = &id
		return
	}
	c.each(smbiosSystem, func(s structure) {
		if c.inv.UUID == nil && len(s.data) >= 24 && c.mixedEndian() {
			id := hardwarehash.UUIDFromSMBIOS([16]byte(s.data[8:24]))
			c.inv.UUID = &id
		}
	})
	if c.inv.UUID == nil {
		c.note("SmbiosUuid", why("/"+dmi+"/product_uuid", err))
	}
}

// mixedEndian reports a table of SMBIOS 2.6 or later.
func (c *collector) mixedEndian() bool {
	entry, err := c.bytes("sys/firmware/dmi/tables/smbios_entry_point")
	switch {
	case err != nil:
		return false
	case len(entry) > 8 && string(entry[:5]) == "_SM3_":
		return true
	}
	return len(entry) > 8 && string(entry[:4]) == "_SM_" && (entry[6] > 2 || entry[6] == 2 && entry[7] >= 6)
}

// The power platform roles of the chassis types that are carried around.
var roles = map[uint8]uint8{0x08: 2, 0x09: 2, 0x0A: 2, 0x0B: 8, 0x0E: 2, 0x1E: 8, 0x1F: 2, 0x20: 8}

func (c *collector) chassis() {
	n, ok := c.number(dmi, "chassis_type")
	if !ok || n == 0 || n > 0x7F {
		c.note("ChassisType", "/"+dmi+"/chassis_type does not state it.")
		return
	}
	role := uint8(1)
	if r, mobile := roles[uint8(n)]; mobile {
		role = r
	}
	c.inv.Chassis = &hardwarehash.Chassis{Type: uint8(n), Role: role}
}
