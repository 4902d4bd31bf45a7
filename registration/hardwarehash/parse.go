package hardwarehash

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// epoch is where the capture time counts from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// parser fills an Inventory from records. A known record that is too short is
// left unread and reported: one odd record must not cost the whole device.
type parser struct {
	*decoded
	texts string // the declared part as one string, from which all texts are cut
	at    int    // where the data of the present record stands in texts
	seen  uint64 // types below 64 that came already
}

func (p *parser) warn(code, field, format string, args ...any) {
	p.Warnings = append(p.Warnings, Warning{Code: code, Field: field, Detail: fmt.Sprintf(format, args...)})
}

func (p *parser) readAll(records []Record) {
	inv := &p.Inventory
	inv.Drives, inv.Disks, inv.NICs = p.drives[:0], p.disks[:0], p.nics[:0]
	inv.GPUMemory, inv.GPUs = p.gpuMemory[:0], p.gpus[:0]
	p.at = headerLen
	for _, r := range records {
		p.at += headerLen
		p.readOne(r)
		p.at += len(r.Data)
	}
	inv.Drives, inv.Disks, inv.NICs = closed(inv.Drives), closed(inv.Disks), closed(inv.NICs)
	inv.GPUMemory, inv.GPUs = closed(inv.GPUMemory), closed(inv.GPUs)
	p.checkEK()
}

// closed makes a list that nobody can append to in the report's own room; one that
// was never begun is nil.
func closed[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list[:len(list):len(list)]
}

func (p *parser) readOne(r Record) {
	if r.Type < 64 && !repeats(r.Type) {
		if p.seen&(1<<r.Type) != 0 {
			p.warn(WarnRepeated, recordName(r.Type), "The record stands more than once; the first one counts.")
			return
		}
		p.seen |= 1 << r.Type
	}
	if text := p.textField(r.Type); text != nil {
		*text = p.text(r)
		return
	}
	ok := p.readNumbers(r.Type, r.Data)
	if !ok {
		ok = p.readParts(r)
	}
	if !ok && isKnown(r.Type) {
		p.warn(WarnMalformed, recordName(r.Type), "The record has %d bytes and cannot be read; its values count as unknown.", len(r.Data))
	}
}

func repeats(kind uint16) bool {
	switch kind {
	case typeDrive, typeDisk, typeNIC, typeGPUMemory, typeGPUName:
		return true
	}
	return false
}

func isKnown(kind uint16) bool {
	return kind >= typeCapture && kind <= typeGPUName || kind == typeHybridCores || kind == typeLanguage || kind == typeSPPHWID
}

func recordName(kind uint16) string { return fmt.Sprintf("record %d", kind) }

// textField returns where the text of a plain text record belongs, nil for other
// records.
func (p *parser) textField(kind uint16) *string {
	inv := &p.Inventory
	switch kind {
	case typeProcessorVendor:
		return &inv.ProcessorVendor
	case typeProcessorModel:
		return &inv.ProcessorModel
	case typeTPMVersion:
		return &inv.TPMVersion
	case typeSerial:
		return &inv.System.Serial
	case typeFirmwareVendor:
		return &inv.FirmwareVendor
	case typeSystemManufacturer:
		return &inv.System.Manufacturer
	case typeSystemProduct:
		return &inv.System.Product
	case typeSKU:
		return &inv.System.SKU
	case typeFamily:
		return &inv.System.Family
	case typeBoardManufacturer:
		return &inv.Board.Manufacturer
	case typeBoardProduct:
		return &inv.Board.Product
	case typeBoardVersion:
		return &inv.Board.Version
	case typeSystemVersion:
		return &inv.System.Version
	case typeProductKeyID:
		return &inv.ProductKeyID
	case typeKeyPartNumber:
		return &inv.KeyPartNumber
	}
	return nil
}

// readNumbers reads the records of fixed layout and reports whether it did.
func (p *parser) readNumbers(kind uint16, d []byte) bool {
	if kind >= uint16(len(fixedSizes)) || fixedSizes[kind] == 0 || len(d) < fixedSizes[kind] {
		return false
	}
	inv, u16, u32, u64 := &p.Inventory, binary.LittleEndian.Uint16, binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	switch kind {
	case typeCapture:
		p.capture = readCapture(d)
		inv.Capture = &p.capture
	case typeProcessor:
		p.processor = Processor{u16(d), u16(d[2:]), u16(d[4:]), u16(d[6:]), u16(d[8:])}
		inv.Processor = &p.processor
	case typeMemory:
		p.memory = Memory{u64(d), u64(d[8:]), u16(d[16:]), u16(d[18:]), d[20]}
		inv.Memory = &p.memory
	case typeDrive:
		inv.Drives = append(inv.Drives, Drive{u64(d), u16(d[8:]), int8(d[10]), int8(d[11])})
	case typeDisplay:
		p.display = Display{u16(d), u16(d[2:]), u16(d[4:]), u16(d[6:]), u32(d[8:])}
		inv.Display = &p.display
	case typeDisplayCM:
		p.displayCM = DisplaySize{u16(d), u16(d[2:])}
		inv.DisplayCM = &p.displayCM
	case typeChassis:
		p.chassis = Chassis{d[0], d[1], d[2], d[3], d[4]}
		inv.Chassis = &p.chassis
	case typeOfflineID:
		if u32(d[6:]) != 32 {
			return false
		}
		p.offlineID = OfflineID{Status: u32(d), Kind: u16(d[4:]), ID: [32]byte(d[10:])}
		inv.OfflineID = &p.offlineID
	case typeUUID:
		p.uuid = UUID(d).swapped()
		inv.UUID = &p.uuid
	case typeGPUMemory:
		inv.GPUMemory = append(inv.GPUMemory, GPUMemory{u64(d), u64(d[8:]), d[16], d[17]})
	}
	return true
}

// fixedSizes are the least sizes of records with a fixed layout. A longer record
// is read by its known part, for tools that add members.
var fixedSizes = [...]int{
	typeCapture: 24, typeProcessor: 12, typeMemory: 21, typeDrive: 12, typeDisplay: 12, typeDisplayCM: 4,
	typeChassis: 5, typeOfflineID: 42, typeUUID: 16, typeGPUMemory: 18,
}

func readCapture(d []byte) Capture {
	return Capture{
		Tool: readVersion(d), OS: readVersion(d[8:]),
		Time:         epoch.Add(time.Duration(binary.LittleEndian.Uint32(d[16:])) * time.Second),
		ZoneQuarters: int8(d[20]), OSType: d[21], Architecture: d[22], ToolVersion: d[23],
	}
}

// readVersion reads minor before major and revision before build.
func readVersion(d []byte) Version {
	u16 := binary.LittleEndian.Uint16
	return Version{Minor: u16(d), Major: u16(d[2:]), Revision: u16(d[4:]), Build: u16(d[6:])}
}

// readParts reads the records made of texts and lists and reports whether it did.
func (p *parser) readParts(r Record) bool {
	inv := &p.Inventory
	switch r.Type {
	case typeDisk:
		inv.Disks = append(inv.Disks, NewDisk(p.text(r)))
		return true
	case typeSystemDisk:
		p.systemDisk = NewDisk(p.text(r))
		inv.SystemDisk = &p.systemDisk
		return true
	case typeNIC:
		return p.readNIC(r.Data)
	case typeEKPub:
		inv.EKPub = r.Data
		return len(r.Data) > 0
	case typeGPUName:
		return p.readGPU(r.Data)
	case typeHybridCores:
		return p.readCores(r.Data)
	case typeLanguage:
		return p.readLanguage(p.text(r))
	case typeSPPHWID:
		return p.readSPPHWID(r.Data)
	}
	return false
}

// NewDisk takes a disk text, serial|product|vendor, apart. Nothing is guessed: a
// text without separators is all serial.
func NewDisk(text string) Disk {
	d := Disk{Text: text}
	d.Serial, d.Product, _ = strings.Cut(text, "|")
	d.Product, d.Vendor, _ = strings.Cut(d.Product, "|")
	d.Serial, d.Product, d.Vendor = strings.TrimSpace(d.Serial), strings.TrimSpace(d.Product), strings.TrimSpace(d.Vendor)
	return d
}

// checkEK compares the two places that state the endorsement key.
func (p *parser) checkEK() {
	p.ek = p.Inventory.ekDigest()
	id, key := p.Inventory.OfflineID, p.Inventory.EKPub
	if id == nil || id.Kind != KindTPM || len(key) == 0 {
		return
	}
	sum := p.ek
	if sum == (Digest{}) { // a blank key has a digest too, though it identifies nothing
		sum = sha256.Sum256(key)
	}
	if sum != id.ID {
		p.warn(WarnEKDigest, "OfflineDeviceId", "It is not the SHA-256 of the endorsement key in the same hash. The key counts.")
	}
}
