package hardwarehash

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// xmlRoot is how a decoded hash begins, after whatever the tool said before.
const xmlRoot = "<HardwareReport"

// absentText is what the factory tool prints for a text the firmware does not have.
const absentText = "(null)"

// inventoryVersion is what the factory tool has always printed; no hash holds it.
const inventoryVersion = "131"

// lastOldTool is the last ToolVersion whose captures are printed with one disk.
const lastOldTool = 3

// IsXML reports whether a text is a decoded hash, as OA3Tool /DecodeHwHash prints it,
// with or without the tool's own words in front.
func IsXML(text []byte) bool { return bytes.Contains(text, []byte(xmlRoot)) }

// XML prints the hash as OA3Tool /DecodeHwHash does, oddities included: a name that
// ends in a blank, one that contains one, PhysicalMedium before each MacAddress, one
// disk for tools up to version 3 and numbered ones for later tools, "+30:00" for a
// time zone that is not set. The order is that of a published decode up to the UUID;
// for what follows none is published, and it is ours.
func (r *Report) XML() []byte {
	w := &xmlWriter{}
	w.WriteString("<?xml version=\"1.0\"?>\n<HardwareReport>\n  <HardwareInventory>\n")
	inv := &r.Inventory
	w.scalars(xmlHead, inv)
	w.disks(inv)
	w.nics(inv)
	w.scalars(xmlDisplay, inv)
	w.gpus(inv)
	w.scalars(xmlTail, inv)
	w.WriteString("  </HardwareInventory>\n</HardwareReport>\n")
	return w.Bytes()
}

type xmlWriter struct{ bytes.Buffer }

func (w *xmlWriter) p(name, value string) {
	w.WriteString(`    <p n="`)
	_ = xml.EscapeText(w, []byte(name)) // a buffer takes everything
	w.WriteString(`" v="`)
	_ = xml.EscapeText(w, []byte(value))
	w.WriteString("\" />\n")
}

func (w *xmlWriter) scalars(list []xmlField, inv *Inventory) {
	for _, f := range list {
		if value, there := f.get(inv); there {
			w.p(f.name, value)
		}
	}
}

func (w *xmlWriter) disks(inv *Inventory) {
	count := max(len(inv.Drives), len(inv.Disks))
	if inv.Capture != nil && inv.Capture.ToolVersion <= lastOldTool {
		if len(inv.Drives) > 0 {
			w.p("PrimaryDiskTotalCapacity", fmt.Sprint(inv.Drives[0].CapacityGB))
			w.p("PrimaryDiskType", inv.Drives[0].Type())
		}
		if len(inv.Disks) > 0 {
			w.p("DiskSerialNumber", inv.Disks[0].Text)
		}
		return
	}
	var total uint64
	for _, d := range inv.Drives {
		total += d.CapacityGB
	}
	w.p("InternalDiskCount", strconv.Itoa(count))
	w.p("TotalDiskCapacity", fmt.Sprint(total))
	for i := range count {
		prefix := diskPrefix(i)
		if i < len(inv.Drives) {
			d := inv.Drives[i]
			w.p(prefix+"DiskCapacity", fmt.Sprint(d.CapacityGB))
			w.p(prefix+"DiskType", d.Type())
			w.p(prefix+"StorageBusType", named(int(d.Bus), busWords))
			w.p(prefix+"IncursSeekPenalty", fmt.Sprint(d.SeekPenalty))
			w.p(prefix+"TrimEnabled", fmt.Sprint(d.Trim))
		}
		if i < len(inv.Disks) {
			w.p(prefix+"DiskSerialNumber", inv.Disks[i].Text)
		}
	}
}

// diskPrefix numbers disks from 1, as the tool does: Disk1 is the first.
func diskPrefix(i int) string { return "Disk" + strconv.Itoa(i+1) + "." }

func gpuPrefix(i int) string { return "Gpu" + strconv.Itoa(i+1) + "." }

func (w *xmlWriter) nics(inv *Inventory) {
	for _, n := range inv.NICs {
		w.p("PhysicalMedium", named(int(n.Medium), mediumWords))
		w.p("MacAddress", n.MAC.String())
	}
}

func (w *xmlWriter) gpus(inv *Inventory) {
	count := max(len(inv.GPUs), len(inv.GPUMemory))
	if count == 0 {
		return
	}
	w.p("GpuCount", strconv.Itoa(count))
	for i := range count {
		prefix := gpuPrefix(i)
		if i < len(inv.GPUs) {
			w.p(prefix+"Manufacturer", inv.GPUs[i].Manufacturer)
			w.p(prefix+"Model", inv.GPUs[i].Model)
		}
		if i < len(inv.GPUMemory) {
			m := inv.GPUMemory[i]
			w.p(prefix+"DedicatedVideoMemory", fmt.Sprint(m.DedicatedVideo))
			w.p(prefix+"DedicatedSystemMemory", fmt.Sprint(m.DedicatedSystem))
			w.p(prefix+"RemovalPolicy", named(int(m.Removal), removalWords))
			w.p(prefix+"InLocalMachineContainer", fmt.Sprint(m.InLocalContainer))
		}
	}
}

// ParseXML reads a decoded hash back. The report it gives holds what the XML states
// and says in its warnings that no check sum vouches for it. Records whose meaning is
// not printed, the bus of the adapters among them, are lost in a decode. A refusal is
// an *Error.
func ParseXML(text []byte) (*Report, error) {
	at := bytes.Index(text, []byte(xmlRoot))
	if at < 0 {
		return nil, refuse(ReasonXML, 0, "This is no decoded hash: there is no HardwareReport in it.")
	}
	var doc struct {
		Fields []struct {
			Name  string `xml:"n,attr"`
			Value string `xml:"v,attr"`
		} `xml:"HardwareInventory>p"`
	}
	if err := xml.NewDecoder(bytes.NewReader(text[at:])).Decode(&doc); err != nil {
		return nil, refuse(ReasonXML, at, "The XML of the decoded hash is broken or cut off. Decode the hash again.")
	}
	x := &xmlReader{}
	for _, f := range doc.Fields {
		if strings.TrimSpace(f.Value) == absentText {
			continue
		}
		if !x.take(strings.TrimSpace(f.Name), f.Value) {
			return nil, refuse(ReasonXML, at, "The value of %s in the decoded hash cannot be read. Decode the hash again.", strings.TrimSpace(f.Name))
		}
	}
	report, err := New(x.finished())
	if err != nil {
		return nil, err
	}
	report.Warnings = append([]Warning{{Code: WarnFromXML, Detail: "This was read from a decoded hash: nothing shows whether it was changed, and the hash made from it is not the one that was captured."}}, report.Warnings...)
	return report, nil
}

// xmlReader puts the lines of a decode together.
type xmlReader struct {
	inv    Inventory
	ekHash Digest
	medium *uint32 // waits for its MacAddress
}

// take reads one line and reports false for a value it cannot read; a name that is
// not known is passed over.
func (x *xmlReader) take(name, value string) bool {
	if set, known := xmlSetters[name]; known {
		return set(&x.inv, value)
	}
	switch name {
	case "PhysicalMedium":
		medium, ok := unnamed(value, mediumWords)
		m := uint32(medium)
		x.medium = &m
		return ok
	case "MacAddress":
		return x.mac(value)
	case "EkPubHash":
		return digestFrom(value, &x.ekHash)
	case "PrimaryDiskTotalCapacity":
		return x.disk(0, "DiskCapacity", value)
	case "PrimaryDiskType":
		return x.disk(0, "DiskType", value)
	case "DiskSerialNumber":
		return x.disk(0, name, value)
	}
	part, rest, _ := strings.Cut(name, ".")
	if i, ok := numbered(part, "Disk"); ok {
		return x.disk(i, rest, value)
	}
	if i, ok := numbered(part, "Gpu"); ok {
		return x.gpu(i, rest, value)
	}
	return true
}

// mostParts bounds what a number in a name may make room for.
const mostParts = 64

// numbered reads the index of Disk1 or Gpu1; some tools count from 0.
func numbered(part, word string) (int, bool) {
	digits, ok := strings.CutPrefix(part, word)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && n < mostParts
}

func (x *xmlReader) mac(value string) bool {
	nic := NIC{}
	if x.medium != nil {
		nic.Medium, x.medium = *x.medium, nil
	}
	mac, ok := ParseMAC(value)
	nic.MAC = mac
	x.inv.NICs = append(x.inv.NICs, nic)
	return ok
}

// place makes a list long enough for an index.
func place[T any](list *[]T, i int) *T {
	for len(*list) <= i {
		*list = append(*list, *new(T))
	}
	return &(*list)[i]
}

func (x *xmlReader) disk(i int, member, value string) bool {
	if member == "DiskSerialNumber" {
		*place(&x.inv.Disks, i) = NewDisk(value)
		return true
	}
	known := i < len(x.inv.Drives)
	d := place(&x.inv.Drives, i)
	if !known {
		d.SeekPenalty, d.Trim = -1, -1
	}
	n, number := unnamed(value, nil)
	switch member {
	case "DiskCapacity":
		d.CapacityGB = uint64(n)
	case "StorageBusType":
		n, number = unnamed(value, busWords)
		d.Bus = uint16(n)
	case "IncursSeekPenalty":
		d.SeekPenalty = int8(n)
	case "TrimEnabled":
		d.Trim = int8(n)
	case "DiskType":
		d.setType(value)
		return true
	default:
		return true
	}
	return number
}

// setType puts back what Type derives from, where nothing else says it.
func (d *Drive) setType(word string) {
	switch {
	case strings.EqualFold(word, "NVMe") && d.Bus == 0:
		d.Bus = busNVMe
	case word == "HDD" && d.SeekPenalty < 0:
		d.SeekPenalty = 1
	case word == "SSD" && d.SeekPenalty < 0:
		d.SeekPenalty = 0
	}
}

func (x *xmlReader) gpu(i int, member, value string) bool {
	n, number := unnamed(value, removalWords)
	switch member {
	case "Manufacturer":
		place(&x.inv.GPUs, i).Manufacturer = value
		return true
	case "Model":
		place(&x.inv.GPUs, i).Model = value
		return true
	case "DedicatedVideoMemory":
		place(&x.inv.GPUMemory, i).DedicatedVideo = uint64(n)
	case "DedicatedSystemMemory":
		place(&x.inv.GPUMemory, i).DedicatedSystem = uint64(n)
	case "RemovalPolicy":
		place(&x.inv.GPUMemory, i).Removal = uint8(n)
	case "InLocalMachineContainer":
		place(&x.inv.GPUMemory, i).InLocalContainer = uint8(n)
	default:
		return true
	}
	return number
}

// finished closes what needs the whole: the gap before parts counted from 1, and the
// endorsement key of decodes that print only its digest.
func (x *xmlReader) finished() Inventory {
	inv := x.inv
	inv.Drives = withoutGap(inv.Drives, func(d Drive) bool { return d == Drive{} || d == Drive{SeekPenalty: -1, Trim: -1} })
	inv.Disks = withoutGap(inv.Disks, func(d Disk) bool { return d == Disk{} })
	inv.GPUs = withoutGap(inv.GPUs, func(g GPU) bool { return g == GPU{} })
	inv.GPUMemory = withoutGap(inv.GPUMemory, func(g GPUMemory) bool { return g == GPUMemory{} })
	if inv.OfflineID == nil && len(inv.EKPub) == 0 && x.ekHash != (Digest{}) {
		inv.OfflineID = &OfflineID{Kind: KindTPM, ID: x.ekHash}
	}
	return inv
}

func withoutGap[T any](list []T, empty func(T) bool) []T {
	if len(list) > 1 && empty(list[0]) {
		return list[1:]
	}
	return list
}

func digestFrom(text string, to *Digest) bool {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != len(to) {
		return false
	}
	copy(to[:], raw)
	return true
}
