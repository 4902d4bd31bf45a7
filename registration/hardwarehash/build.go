package hardwarehash

import (
	"encoding/binary"
	"time"
	"unicode/utf16"
)

// builder writes records in the order in which the tools do.
type builder struct{ records []Record }

func (b *builder) add(kind uint16, data []byte) {
	b.records = append(b.records, Record{Type: kind, Data: data})
}

// text writes a NUL-ended text; an empty one is left out.
func (b *builder) text(kind uint16, s string) {
	if s != "" {
		b.add(kind, append([]byte(s), 0))
	}
}

// records writes the inventory as records.
func (inv *Inventory) records() []Record {
	b := &builder{records: make([]Record, 0, 40)}
	b.platform(inv)
	b.parts(inv)
	b.security(inv)
	b.firmware(inv)
	b.software(inv)
	return b.records
}

func (b *builder) platform(inv *Inventory) {
	if c := inv.Capture; c != nil {
		b.add(typeCapture, writeCapture(c))
	}
	if p := inv.Processor; p != nil {
		b.add(typeProcessor, pack(p.Architecture, p.Packages, p.Cores, p.Threads, p.HyperThreading, uint16(0)))
	}
	if len(inv.HybridCores) > 0 {
		data := []byte{byte(len(inv.HybridCores))}
		for _, c := range inv.HybridCores {
			data = append(data, pack(c.Class, c.Cores, c.Threads)...)
		}
		b.add(typeHybridCores, data)
	}
	if m := inv.Memory; m != nil {
		b.add(typeMemory, pack(m.PhysicalGB, m.MaximumGB, m.Slots, m.Arrays, m.ErrorCorrection))
	}
	b.text(typeProcessorVendor, inv.ProcessorVendor)
	if inv.ProcessorModel != "" {
		brand := make([]byte, max(48, len(inv.ProcessorModel)))
		copy(brand, inv.ProcessorModel)
		b.add(typeProcessorModel, brand)
	}
}

func (b *builder) parts(inv *Inventory) {
	for _, d := range inv.Drives {
		b.add(typeDrive, pack(d.CapacityGB, d.Bus, d.SeekPenalty, d.Trim))
	}
	for _, d := range inv.Disks {
		b.add(typeDisk, []byte(d.Text))
	}
	for _, n := range inv.NICs {
		bus := writeUTF16(n.Bus + "\x00")
		b.add(typeNIC, pack(n.Medium, n.MAC[:], uint32(len(bus)), bus))
	}
	if d := inv.Display; d != nil {
		b.add(typeDisplay, pack(d.WidthMM, d.HeightMM, d.WidthPx, d.HeightPx, d.Output))
	}
	if d := inv.DisplayCM; d != nil {
		b.add(typeDisplayCM, pack(d.Width, d.Height))
	}
	if c := inv.Chassis; c != nil {
		b.add(typeChassis, pack(c.Type, c.Role, c.Unknown, c.Digitizer, c.Touches))
	}
}

func (b *builder) security(inv *Inventory) {
	b.text(typeTPMVersion, inv.TPMVersion)
	if len(inv.EKPub) > 0 {
		b.add(typeEKPub, inv.EKPub)
	}
	if o := inv.OfflineID; o != nil {
		b.add(typeOfflineID, pack(o.Status, o.Kind, uint32(len(o.ID)), o.ID[:]))
	}
}

func (b *builder) firmware(inv *Inventory) {
	if inv.UUID != nil {
		mixed := inv.UUID.swapped()
		b.add(typeUUID, mixed[:])
	}
	b.text(typeSerial, inv.System.Serial)
	b.text(typeFirmwareVendor, inv.FirmwareVendor)
	b.text(typeSystemManufacturer, inv.System.Manufacturer)
	b.text(typeSystemProduct, inv.System.Product)
	b.text(typeSKU, inv.System.SKU)
	b.text(typeFamily, inv.System.Family)
	b.text(typeSystemVersion, inv.System.Version)
	b.text(typeBoardManufacturer, inv.Board.Manufacturer)
	b.text(typeBoardProduct, inv.Board.Product)
	b.text(typeBoardVersion, inv.Board.Version)
	b.text(typeProductKeyID, inv.ProductKeyID)
	b.text(typeKeyPartNumber, inv.KeyPartNumber)
	if inv.SystemDisk != nil {
		b.text(typeSystemDisk, inv.SystemDisk.Text)
	}
}

func (b *builder) software(inv *Inventory) {
	for _, g := range inv.GPUMemory {
		b.add(typeGPUMemory, pack(g.DedicatedVideo, g.DedicatedSystem, g.Removal, g.InLocalContainer))
	}
	for _, g := range inv.GPUs {
		b.add(typeGPUName, writeUTF16(g.Manufacturer+"|"+g.Model))
	}
	if l := inv.Language; l != nil {
		b.add(typeLanguage, []byte(l.OSLanguage+"|"+l.Locale+"|"+l.TimeZone+"|"+l.LanguagePacks+"|"+l.Keyboard))
	}
	if s := inv.SoftwarePlatform; s != nil {
		b.add(typeSPPHWID, s.bytes())
	}
}

func writeCapture(c *Capture) []byte {
	seconds := uint32(max(0, c.Time.Sub(epoch)/time.Second))
	return pack(writeVersion(c.Tool), writeVersion(c.OS), seconds, c.ZoneQuarters, c.OSType, c.Architecture, c.ToolVersion)
}

func writeVersion(v Version) []byte { return pack(v.Minor, v.Major, v.Revision, v.Build) }

func writeUTF16(s string) []byte { return pack(utf16.Encode([]rune(s))) }

// pack joins fixed-size values in little-endian order.
func pack(values ...any) []byte {
	var out []byte
	for _, v := range values {
		out, _ = binary.Append(out, binary.LittleEndian, v) // fails only for types without a size
	}
	return out
}
