package hardwarehash

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Field is one line of a decoded hash, under the name that OA3Tool
// /DecodeHwHash gives it.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Fields lists what the hash states, grouped by part, for people and for
// comparing with OA3Tool. Derived values that OA3Tool prints (DiskType,
// EkPubHash, counts) are included. Four names are ours, for values OA3Tool does
// not print: ProcessorManufacturer, ProcessorArchitecture, ProcessorCoreClass and
// MacAddressBus. Records of unknown meaning follow as hex under "Record N".
// Control characters are shown as U+FFFD.
func (r *Report) Fields() []Field {
	f := &fields{}
	inv := &r.Inventory
	f.capture(inv.Capture)
	f.machine(inv)
	f.disks(inv)
	f.nics(inv)
	f.display(inv)
	f.security(inv)
	f.smbios(inv)
	f.software(inv)
	for _, rec := range r.Records {
		if !isKnown(rec.Type) {
			f.add("Record "+strconv.Itoa(int(rec.Type)), hex.EncodeToString(rec.Data))
		}
	}
	return f.list
}

type fields struct{ list []Field }

func (f *fields) add(name, value string) {
	value = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, value)
	f.list = append(f.list, Field{name, value})
}

// text adds a value that may be absent.
func (f *fields) text(name, value string) {
	if value != "" {
		f.add(name, value)
	}
}

func (f *fields) num(name string, value any) { f.add(name, fmt.Sprint(value)) }

func (f *fields) capture(c *Capture) {
	if c == nil {
		return
	}
	f.add("ToolBuild", c.Tool.String())
	f.add("OsBuild", c.OS.String())
	f.add("OsSystemTime", c.Time.Format(time.RFC3339))
	if c.ZoneQuarters != ZoneUnset {
		zone := time.FixedZone("", int(c.ZoneQuarters)*15*60)
		f.add("OsLocalTime", c.Time.In(zone).Format("2006-01-02T15:04:05-07:00"))
	}
	f.add("OSType", named(int(c.OSType), osWords))
	f.add("OsCpuArchitecture", architecture(int(c.Architecture)))
	f.num("ToolVersion", c.ToolVersion)
}

func (f *fields) machine(inv *Inventory) {
	f.text("ProcessorModel", strings.TrimSpace(inv.ProcessorModel))
	f.text("ProcessorManufacturer", inv.ProcessorVendor)
	if p := inv.Processor; p != nil {
		f.add("ProcessorArchitecture", architecture(int(p.Architecture)))
		f.num("ProcessorPackages", p.Packages)
		f.num("ProcessorCores", p.Cores)
		f.num("ProcessorThreads", p.Threads)
		f.num("ProcessorHyperThreading", p.HyperThreading)
	}
	for _, c := range inv.HybridCores {
		f.add("ProcessorCoreClass", fmt.Sprintf("class %d: %d cores, %d threads", c.Class, c.Cores, c.Threads))
	}
	if m := inv.Memory; m != nil {
		f.num("TotalPhysicalRAM", m.PhysicalGB)
		f.num("SmbiosRamMaximumCapacity", m.MaximumGB)
		f.num("SmbiosRamSlots", m.Slots)
		f.num("SmbiosRamArrayCount", m.Arrays)
		f.add("SmbiosRamErrorCorrection", named(int(m.ErrorCorrection), eccWords))
	}
}

// disks pairs the two kinds of disk records by position, as OA3Tool does.
func (f *fields) disks(inv *Inventory) {
	f.num("InternalDiskCount", max(len(inv.Drives), len(inv.Disks)))
	for i := range max(len(inv.Drives), len(inv.Disks)) {
		disk := diskPrefix(i)
		if i < len(inv.Drives) {
			d := inv.Drives[i]
			f.num(disk+"DiskCapacity", d.CapacityGB)
			f.add(disk+"DiskType", d.Type())
			f.add(disk+"StorageBusType", named(int(d.Bus), busWords))
			f.num(disk+"IncursSeekPenalty", d.SeekPenalty)
			f.num(disk+"TrimEnabled", d.Trim)
		}
		if i < len(inv.Disks) {
			f.add(disk+"DiskSerialNumber", inv.Disks[i].Text)
		}
	}
	if inv.SystemDisk != nil {
		f.add("DiskSSNKernel", inv.SystemDisk.Text)
	}
}

func (f *fields) nics(inv *Inventory) {
	for _, n := range inv.NICs {
		f.add("PhysicalMedium", named(int(n.Medium), mediumWords))
		f.add("MacAddress", n.MAC.String())
		f.text("MacAddressBus", n.Bus)
	}
}

func (f *fields) display(inv *Inventory) {
	if d := inv.Display; d != nil {
		f.num("DisplaySizePhysicalH", d.WidthMM)
		f.num("DisplaySizePhysicalY", d.HeightMM)
		f.num("DisplayResolutionHorizontal", d.WidthPx)
		f.num("DisplayResolutionVertical", d.HeightPx)
	}
	if c := inv.Chassis; c != nil {
		f.add("ChassisType", fmt.Sprintf("0x%02X", c.Type))
		f.add("PowerPlatformRole", named(int(c.Role), roleWords))
		f.add("DigitizerSupportID", fmt.Sprintf("0x%02X,%d", c.Digitizer, c.Touches))
	}
}

func (f *fields) security(inv *Inventory) {
	if o := inv.OfflineID; o != nil {
		f.num("Status", o.Status)
		f.add("OfflineDeviceIdType", named(int(o.Kind), kindWords))
		f.add("OfflineDeviceId", base64.StdEncoding.EncodeToString(o.ID[:]))
	}
	f.text("TPMVersion", inv.TPMVersion)
	if len(inv.EKPub) > 0 {
		digest := inv.ekDigest()
		f.add("TPM EkPub", base64.StdEncoding.EncodeToString(inv.EKPub))
		f.add("EkPubHash", base64.StdEncoding.EncodeToString(digest[:]))
	}
}

func (f *fields) smbios(inv *Inventory) {
	if inv.UUID != nil {
		f.add("SmbiosUuid", inv.UUID.String())
	}
	f.text("SmbiosSystemSerialNumber", inv.System.Serial)
	f.text("SmbiosFirmwareVendor", inv.FirmwareVendor)
	f.text("SmbiosSystemManufacturer", inv.System.Manufacturer)
	f.text("SmbiosSystemProductName", inv.System.Product)
	f.text("SmbiosSkuNumber", inv.System.SKU)
	f.text("SmbiosSystemFamily", inv.System.Family)
	f.text("SmbiosSystemVersion", inv.System.Version)
	f.text("SmbiosBoardManufacturer", inv.Board.Manufacturer)
	f.text("SmbiosBoardProduct", inv.Board.Product)
	f.text("SmbiosBoardVersion", inv.Board.Version)
	f.text("ProductKeyID", inv.ProductKeyID)
	f.text("ProductKeyPkPn", inv.KeyPartNumber)
}
