package hardwarehash

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The words the factory tool prints for numbers.
var (
	busWords     = map[int]string{8: "RAID", 10: "SAS", 11: "SATA", 17: "NVMe"}
	mediumWords  = map[int]string{0: "Unspecified", 1: "WirelessLan", 9: "Native802_11", 10: "Bluetooth", 14: "802_3"}
	removalWords = map[int]string{1: "NoRemoval", 3: "SurpriseRemoval"}
	osWords      = map[int]string{OSTypePE: "WinPE", OSTypeFull: "FullOS"}
	archWords    = map[int]string{0: "x86", 9: "x64", 12: "ARM64"}
	eccWords     = map[int]string{3: "None", 4: "Parity", 5: "1-bit ECC", 6: "multi-bit ECC", 7: "CRC"}
	roleWords    = map[int]string{1: "Desktop", 2: "Mobile", 8: "Slate"}
	kindWords    = map[int]string{KindTPM: "TPM_EK"}
	boolWords    = map[int]string{0: "false", 1: "true"}
)

// unnamed is named the other way round, letter case aside.
func unnamed(word string, words map[int]string) (int, bool) {
	word = strings.TrimSpace(word)
	for n, w := range words {
		if strings.EqualFold(w, word) {
			return n, true
		}
	}
	n, err := strconv.ParseInt(word, 0, 64)
	return int(n), err == nil
}

// xmlField is one line of a decode that stands once: how it is printed from an
// inventory, and how it is read into one.
type xmlField struct {
	name string
	get  func(*Inventory) (value string, there bool)
	set  func(*Inventory, string) bool
}

// text is a line that is printed as (null) where the hash has no such text.
func text(name string, at func(*Inventory) *string) xmlField {
	return xmlField{
		name,
		func(inv *Inventory) (string, bool) {
			if v := *at(inv); v != "" {
				return v, true
			}
			return absentText, true
		},
		func(inv *Inventory, value string) bool { *at(inv) = value; return true },
	}
}

// number is a line with a member of a part; without the part there is no line.
func number[S any, N uint8 | uint16 | uint32 | uint64](name string, part func(*Inventory) **S, member func(*S) *N, words map[int]string) xmlField {
	return xmlField{
		name,
		func(inv *Inventory) (string, bool) {
			p := *part(inv)
			if p == nil {
				return "", false
			}
			return named(int(*member(p)), words), true
		},
		func(inv *Inventory, value string) bool {
			n, ok := unnamed(value, words)
			*member(made(part(inv))) = N(n)
			return ok && n >= 0 && uint64(N(n)) == uint64(n)
		},
	}
}

// made returns the part, which is made when it is not there yet.
func made[S any](p **S) *S {
	if *p == nil {
		*p = new(S)
	}
	return *p
}

func captureOf(inv *Inventory) **Capture     { return &inv.Capture }
func processorOf(inv *Inventory) **Processor { return &inv.Processor }
func memoryOf(inv *Inventory) **Memory       { return &inv.Memory }
func chassisOf(inv *Inventory) **Chassis     { return &inv.Chassis }
func displayOf(inv *Inventory) **Display     { return &inv.Display }
func offlineOf(inv *Inventory) **OfflineID   { return &inv.OfflineID }
func languageOf(inv *Inventory) **Language   { return &inv.Language }

var xmlHead = []xmlField{
	number("ToolVersion", captureOf, func(c *Capture) *uint8 { return &c.ToolVersion }, nil),
	{"HardwareInventoryVersion", func(*Inventory) (string, bool) { return inventoryVersion, true }, func(*Inventory, string) bool { return true }},
	version("ToolBuild", func(c *Capture) *Version { return &c.Tool }),
	number("OSType", captureOf, func(c *Capture) *uint8 { return &c.OSType }, osWords),
	number("OsCpuArchitecture", captureOf, func(c *Capture) *uint8 { return &c.Architecture }, archWords),
	version("OsBuild", func(c *Capture) *Version { return &c.OS }),
	{"OsSystemTime", systemTime, readSystemTime},
	{"OsLocalTime", localTime, readLocalTime},
	text("ProcessorModel", func(i *Inventory) *string { return &i.ProcessorModel }),
	number("ProcessorPackages", processorOf, func(p *Processor) *uint16 { return &p.Packages }, nil),
	number("ProcessorThreads", processorOf, func(p *Processor) *uint16 { return &p.Threads }, nil),
	number("ProcessorCores", processorOf, func(p *Processor) *uint16 { return &p.Cores }, nil),
	number("ProcessorHyperThreading", processorOf, func(p *Processor) *uint16 { return &p.HyperThreading }, boolWords),
	number("SmbiosRamArrayCount", memoryOf, func(m *Memory) *uint16 { return &m.Arrays }, nil),
	number("SmbiosRamSlots", memoryOf, func(m *Memory) *uint16 { return &m.Slots }, nil),
	number("SmbiosRamErrorCorrection", memoryOf, func(m *Memory) *uint8 { return &m.ErrorCorrection }, eccWords),
	number("SmbiosRamMaximumCapacity", memoryOf, func(m *Memory) *uint64 { return &m.MaximumGB }, nil),
	number("TotalPhysicalRAM", memoryOf, func(m *Memory) *uint64 { return &m.PhysicalGB }, nil),
	text("SmbiosFirmwareVendor", func(i *Inventory) *string { return &i.FirmwareVendor }),
	text("SmbiosSystemManufacturer", func(i *Inventory) *string { return &i.System.Manufacturer }),
	text("SmbiosSystemProductName", func(i *Inventory) *string { return &i.System.Product }),
	text("SmbiosSystemSerialNumber", func(i *Inventory) *string { return &i.System.Serial }),
	{"SmbiosUuid", printUUID, readUUID},
	text("SmbiosSkuNumber", func(i *Inventory) *string { return &i.System.SKU }),
	text("SmbiosSystemFamily", func(i *Inventory) *string { return &i.System.Family }),
	text("SmbiosSystemVersion", func(i *Inventory) *string { return &i.System.Version }),
	text("SmbiosBoardManufacturer", func(i *Inventory) *string { return &i.Board.Manufacturer }),
	text("SmbiosBoardProduct", func(i *Inventory) *string { return &i.Board.Product }),
	text("SmbiosBoardVersion", func(i *Inventory) *string { return &i.Board.Version }),
	{"ChassisType", chassisType, func(i *Inventory, v string) bool {
		n, ok := unnamed(v, nil)
		made(&i.Chassis).Type = uint8(n)
		return ok
	}},
	number("PowerPlatformRole", chassisOf, func(c *Chassis) *uint8 { return &c.Role }, roleWords),
	{"DigitizerSupportID", digitizer, readDigitizer},
}

var xmlDisplay = []xmlField{
	{"DiskSSNKernel", func(i *Inventory) (string, bool) {
		if i.SystemDisk == nil {
			return absentText, true
		}
		return i.SystemDisk.Text, true
	}, func(i *Inventory, v string) bool { d := NewDisk(v); i.SystemDisk = &d; return true }},
	number("DisplaySizePhysicalH", displayOf, func(d *Display) *uint16 { return &d.WidthMM }, nil),
	number("DisplaySizePhysicalY ", displayOf, func(d *Display) *uint16 { return &d.HeightMM }, nil), // the blank is the tool's
	number("DisplayResolutionHorizontal", displayOf, func(d *Display) *uint16 { return &d.WidthPx }, nil),
	number("DisplayResolutionVertical", displayOf, func(d *Display) *uint16 { return &d.HeightPx }, nil),
}

var xmlTail = []xmlField{
	text("TPMVersion", func(i *Inventory) *string { return &i.TPMVersion }),
	{"TPM EkPub", func(i *Inventory) (string, bool) {
		return base64.StdEncoding.EncodeToString(i.EKPub), len(i.EKPub) > 0
	}, func(i *Inventory, v string) bool {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(v))
		i.EKPub = key
		return err == nil
	}},
	{"EkPubHash", func(i *Inventory) (string, bool) {
		d := i.ekDigest()
		return base64.StdEncoding.EncodeToString(d[:]), len(i.EKPub) > 0
	}, nil},
	number("Status", offlineOf, func(o *OfflineID) *uint32 { return &o.Status }, nil),
	{"OfflineDeviceIdType", offlineKind, func(i *Inventory, v string) bool {
		kind, _ := unnamed(v, kindWords) // a word for a number nobody knows stays 0
		made(&i.OfflineID).Kind = uint16(kind)
		return true
	}},
	{"OfflineDeviceId", func(i *Inventory) (string, bool) {
		if i.OfflineID == nil {
			return "", false
		}
		return base64.StdEncoding.EncodeToString(i.OfflineID.ID[:]), true
	}, func(i *Inventory, v string) bool { return digestFrom(v, (*Digest)(&made(&i.OfflineID).ID)) }},
	text("ProductKeyID", func(i *Inventory) *string { return &i.ProductKeyID }),
	text("ProductKeyPkPn", func(i *Inventory) *string { return &i.KeyPartNumber }),
	language("OSDefaultLanguage", func(l *Language) *string { return &l.OSLanguage }),
	language("DefaultSystemLocale", func(l *Language) *string { return &l.Locale }),
	language("OSDefaultTimeZone", func(l *Language) *string { return &l.TimeZone }),
	language("OSInstalledLanguagePacks", func(l *Language) *string { return &l.LanguagePacks }),
	language("KeyboardCode", func(l *Language) *string { return &l.Keyboard }),
	{"SppHwid", func(i *Inventory) (string, bool) {
		if i.SoftwarePlatform == nil {
			return "", false
		}
		return base64.StdEncoding.EncodeToString(i.SoftwarePlatform.bytes()), true
	}, nil},
}

// xmlSetters finds a line by its name without outer blanks.
var xmlSetters = func() map[string]func(*Inventory, string) bool {
	all := map[string]func(*Inventory, string) bool{}
	for _, list := range [][]xmlField{xmlHead, xmlDisplay, xmlTail} {
		for _, f := range list {
			if f.set != nil {
				all[strings.TrimSpace(f.name)] = f.set
			}
		}
	}
	return all
}()

func version(name string, at func(*Capture) *Version) xmlField {
	return xmlField{name, func(i *Inventory) (string, bool) {
		if i.Capture == nil {
			return "", false
		}
		return at(i.Capture).String(), true
	}, func(i *Inventory, value string) bool {
		v := at(made(&i.Capture))
		n, err := fmt.Sscanf(value, "%d.%d.%d.%d", &v.Major, &v.Minor, &v.Build, &v.Revision)
		return err == nil && n == 4
	}}
}

func language(name string, at func(*Language) *string) xmlField {
	return xmlField{name, func(i *Inventory) (string, bool) {
		if i.Language == nil {
			return "", false
		}
		return *at(i.Language), true
	}, func(i *Inventory, value string) bool { *at(made(languageOf(i))) = value; return true }}
}

func systemTime(i *Inventory) (string, bool) {
	if i.Capture == nil {
		return "", false
	}
	return i.Capture.Time.Format(time.RFC3339), true
}

func readSystemTime(i *Inventory, value string) bool {
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(value))
	made(&i.Capture).Time = t.UTC()
	return err == nil
}

// localTime prints an unset zone as the tool does: as thirty hours.
func localTime(i *Inventory) (string, bool) {
	if i.Capture == nil {
		return "", false
	}
	zone := time.FixedZone("", int(i.Capture.ZoneQuarters)*15*60)
	return i.Capture.Time.In(zone).Format("2006-01-02T15:04:05-07:00"), true
}

// readLocalTime takes the zone only; the time itself is OsSystemTime. The standard
// parser does not take thirty hours.
func readLocalTime(i *Inventory, value string) bool {
	value = strings.TrimSpace(value)
	var sign byte
	var hours, minutes int
	if strings.HasSuffix(value, "Z") {
		made(&i.Capture).ZoneQuarters = 0
		return true
	}
	if len(value) < 6 {
		return false
	}
	if n, err := fmt.Sscanf(value[len(value)-6:], "%c%02d:%02d", &sign, &hours, &minutes); err != nil || n != 3 || hours > 30 {
		return false
	}
	quarters := hours*4 + minutes/15
	if sign == '-' {
		quarters = -quarters
	}
	made(&i.Capture).ZoneQuarters = int8(quarters)
	return true
}

func printUUID(i *Inventory) (string, bool) {
	if i.UUID == nil {
		return absentText, true
	}
	return i.UUID.String(), true
}

func readUUID(i *Inventory, value string) bool {
	id, ok := ParseUUID(value)
	i.UUID = &id
	return ok
}

// ParseUUID reads a UUID in its usual form, letter case aside.
func ParseUUID(text string) (UUID, bool) {
	var id UUID
	text = strings.TrimSpace(text)
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(strings.ReplaceAll(text, "-", "")))
	return id, err == nil
}

// ParseMAC reads an address of six bytes divided by colons or hyphens.
func ParseMAC(text string) (MAC, bool) {
	var mac MAC
	text = strings.TrimSpace(text)
	if len(text) != 17 {
		return mac, false
	}
	for i := range mac {
		if i > 0 && text[3*i-1] != ':' && text[3*i-1] != '-' {
			return mac, false
		}
		if _, err := hex.Decode(mac[i:i+1], []byte(text[3*i:3*i+2])); err != nil {
			return mac, false
		}
	}
	return mac, true
}

func chassisType(i *Inventory) (string, bool) {
	if i.Chassis == nil {
		return "", false
	}
	return fmt.Sprintf("0x%02X", i.Chassis.Type), true
}

func digitizer(i *Inventory) (string, bool) {
	if i.Chassis == nil {
		return "", false
	}
	return fmt.Sprintf("0x%02X,%d", i.Chassis.Digitizer, i.Chassis.Touches), true
}

func readDigitizer(i *Inventory, value string) bool {
	flags, touches, both := strings.Cut(value, ",")
	n, ok := unnamed(flags, nil)
	made(&i.Chassis).Digitizer = uint8(n)
	if !both || !ok {
		return ok
	}
	n, ok = unnamed(touches, nil)
	made(&i.Chassis).Touches = uint8(n)
	return ok
}

func offlineKind(i *Inventory) (string, bool) {
	if i.OfflineID == nil {
		return "", false
	}
	return named(int(i.OfflineID.Kind), kindWords), true
}
