package hardwarehash

import (
	"encoding/hex"
	"time"
)

// The record types. 31 to 33 have never been seen; 35 was seen once and its
// meaning is unknown, so it stays an unread record.
const (
	typeCapture            = 1
	typeProcessor          = 2
	typeProcessorVendor    = 3
	typeProcessorModel     = 4
	typeMemory             = 5
	typeDrive              = 6 // repeats
	typeDisk               = 7 // repeats
	typeNIC                = 8 // repeats
	typeDisplay            = 9
	typeChassis            = 10
	typeOfflineID          = 11
	typeUUID               = 12
	typeTPMVersion         = 13
	typeSerial             = 14
	typeFirmwareVendor     = 15
	typeSystemManufacturer = 16
	typeSystemProduct      = 17
	typeSKU                = 18
	typeFamily             = 19
	typeBoardManufacturer  = 20
	typeBoardProduct       = 21
	typeBoardVersion       = 22
	typeSystemVersion      = 23
	typeProductKeyID       = 24
	typeEKPub              = 25
	typeKeyPartNumber      = 26
	typeDisplayCM          = 27
	typeSystemDisk         = 28
	typeGPUMemory          = 29 // repeats
	typeGPUName            = 30 // repeats
	typeHybridCores        = 34
	typeLanguage           = 36
	typeSPPHWID            = 37
)

// Inventory is what the known records say. A nil pointer, an empty text and an
// empty list mean that the record is absent or could not be read.
type Inventory struct {
	Capture          *Capture
	Processor        *Processor
	ProcessorVendor  string // "GenuineIntel"
	ProcessorModel   string // CPUID brand string without the padding behind it
	Memory           *Memory
	Drives           []Drive // belongs to Disks by position
	Disks            []Disk
	SystemDisk       *Disk // the copy that names the system disk; absent from Windows PE captures
	NICs             []NIC
	Display          *Display
	DisplayCM        *DisplaySize
	Chassis          *Chassis
	OfflineID        *OfflineID
	UUID             *UUID
	TPMVersion       string
	EKPub            []byte // RSA modulus of the TPM's endorsement key, big-endian
	FirmwareVendor   string
	System           System
	Board            Board
	ProductKeyID     string // 13 digits
	KeyPartNumber    string // "[TH]X19-99528"
	GPUMemory        []GPUMemory
	GPUs             []GPU // belongs to GPUMemory by position
	HybridCores      []CoreClass
	Language         *Language
	SoftwarePlatform *SPPHWID
}

// Version is a Windows version as the tools print it: major.minor.build.revision.
type Version struct{ Major, Minor, Build, Revision uint16 }

// ZoneUnset is the time zone that old tools write when they know none.
const ZoneUnset = 120

// Capture says when and by what the hash was taken. It is the reason why two
// hashes of one device are never equal.
type Capture struct {
	Tool, OS     Version
	Time         time.Time // UTC, whole seconds, from 2000-01-01 on
	ZoneQuarters int8      // offset from UTC in quarter hours, or ZoneUnset
	OSType       uint8     // OSTypeFull or OSTypePE
	Architecture uint8     // as in Processor, one byte
	ToolVersion  uint8
}

// The OS types.
const (
	OSTypePE   = 1 // Windows PE: sees fewer parts
	OSTypeFull = 2
)

// Processor counts what is built in. Architecture: 0 x86, 9 x64, 12 ARM64.
type Processor struct{ Architecture, Packages, Cores, Threads, HyperThreading uint16 }

// Memory is in GB. ErrorCorrection: 3 none, 4 parity, 5 single-bit, 6 multi-bit, 7 CRC.
type Memory struct {
	PhysicalGB, MaximumGB uint64
	Slots, Arrays         uint16
	ErrorCorrection       uint8
}

// Drive is the kind of a disk. CapacityGB is decimal; Bus is a STORAGE_BUS_TYPE
// (8 RAID, 10 SAS, 11 SATA, 17 NVMe); the flags are 1, 0, or -1 for unknown.
type Drive struct {
	CapacityGB  uint64
	Bus         uint16
	SeekPenalty int8
	Trim        int8
}

// Disk names a disk. Its parts may be padded with blanks or empty.
type Disk struct {
	Text                    string // serial|product|vendor as it stands in the hash
	Serial, Product, Vendor string // blanks around them cut off
}

// NIC is one network adapter. Medium: 0 unspecified, 1 WLAN, 9 native 802.11,
// 10 Bluetooth, 14 802.3. Bus is the enumerator, for example PCI or USB.
type NIC struct {
	Medium uint32
	MAC    MAC
	Bus    string
}

// Display is the built-in or first display: millimetres and pixels.
type Display struct {
	WidthMM, HeightMM, WidthPx, HeightPx uint16
	Output                               uint32 // 0x80000000 internal, 0xFFFFFFFF other
}

// DisplaySize is the display's size in centimetres.
type DisplaySize struct{ Width, Height uint16 }

// Chassis is the case; Type is SMBIOS's (3 desktop, 10 notebook), Role the power platform
// role (1 desktop, 2 mobile, 8 slate). Unknown is a byte whose meaning is not known.
type Chassis struct{ Type, Role, Unknown, Digitizer, Touches uint8 }

// KindTPM marks an OfflineID that is the SHA-256 of the endorsement key.
const KindTPM = 1

// OfflineID is the identity Windows forms without a network.
type OfflineID struct {
	Status uint32
	Kind   uint16
	ID     [32]byte
}

// System holds the SMBIOS system texts as the firmware wrote them.
type System struct{ Manufacturer, Product, Serial, SKU, Family, Version string }

// Board holds the SMBIOS board texts.
type Board struct{ Manufacturer, Product, Version string }

// GPUMemory holds bytes. Removal: 1 cannot be removed, 3 surprise removal.
type GPUMemory struct {
	DedicatedVideo, DedicatedSystem uint64
	Removal, InLocalContainer       uint8
}

// GPU names a graphics adapter.
type GPU struct{ Manufacturer, Model string }

// CoreClass counts the cores of one performance class.
type CoreClass struct {
	Class          uint8
	Cores, Threads uint16
}

// Language holds the locale of the installed system.
type Language struct{ OSLanguage, Locale, TimeZone, LanguagePacks, Keyboard string }

// SPPHWID is the software protection platform's own hardware id.
type SPPHWID struct {
	Lengths    [2]uint32
	Reserved   uint32
	Counts     [8]uint16 // components per class
	Components []uint16  // two more than the counts add up to
}

// UUID is in the order it is printed in.
type UUID [16]byte

// String gives the usual lower-case form.
func (u UUID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// swapped turns a UUID between print order and the mixed-endian order of SMBIOS
// 2.6 and later, in which it stands in the hash.
func (u UUID) swapped() UUID {
	u[0], u[1], u[2], u[3] = u[3], u[2], u[1], u[0]
	u[4], u[5] = u[5], u[4]
	u[6], u[7] = u[7], u[6]
	return u
}

// UUIDFromSMBIOS reads the sixteen bytes of an SMBIOS table of version 2.6 or later,
// which are mixed-endian.
func UUIDFromSMBIOS(raw [16]byte) UUID { return UUID(raw).swapped() }

// MAC is a network address.
type MAC [6]byte

// String gives the form of OA3Tool: C8:5B:76:81:E4:97.
func (m MAC) String() string {
	const digits = "0123456789ABCDEF"
	var b [17]byte
	for i, v := range m {
		b[i*3], b[i*3+1] = digits[v>>4], digits[v&15]
		if i < 5 {
			b[i*3+2] = ':'
		}
	}
	return string(b[:])
}
