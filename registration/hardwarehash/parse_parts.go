package hardwarehash

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads single-byte text up to its first NUL. Firmware writes what it likes:
// text that is not UTF-8 is read as Latin-1, which keeps different texts different
// and gives a string that any database takes.
func (p *parser) text(r Record) string {
	s := p.texts[p.at : p.at+len(r.Data)]
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	if utf8.ValidString(s) {
		return s
	}
	p.warn(WarnNotUTF8, recordName(r.Type), "The text is not UTF-8 and was read as Latin-1.")
	runes := make([]rune, 0, len(s))
	for _, b := range []byte(s) {
		runes = append(runes, rune(b))
	}
	return string(runes)
}

// readUTF16 reads little-endian UTF-16 up to its first NUL; an odd last byte is
// ignored.
func readUTF16(d []byte) string {
	var ascii [96]byte // the usual name; what is longer or foreign takes the long way
	n := 0
	for rest := d; len(rest) >= 2; rest = rest[2:] {
		u := binary.LittleEndian.Uint16(rest)
		if u == 0 {
			break
		}
		if u >= utf8.RuneSelf || n == len(ascii) {
			return readUnits(d)
		}
		ascii[n] = byte(u)
		n++
	}
	return string(ascii[:n])
}

func readUnits(d []byte) string {
	units := make([]uint16, 0, len(d)/2)
	for ; len(d) >= 2; d = d[2:] {
		u := binary.LittleEndian.Uint16(d)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

func (p *parser) readNIC(d []byte) bool {
	if len(d) < 14 || uint64(binary.LittleEndian.Uint32(d[10:])) > uint64(len(d)-14) {
		return false
	}
	nic := NIC{Medium: binary.LittleEndian.Uint32(d), MAC: MAC(d[4:10])}
	nic.Bus = busName(d[14 : 14+binary.LittleEndian.Uint32(d[10:])])
	p.Inventory.NICs = append(p.Inventory.NICs, nic)
	return true
}

// busName spares an allocation for the name that nearly every adapter has.
func busName(d []byte) string {
	if string(d) == "P\x00C\x00I\x00\x00\x00" {
		return "PCI"
	}
	return readUTF16(d)
}

func (p *parser) readGPU(d []byte) bool {
	maker, model, _ := strings.Cut(readUTF16(d), "|")
	p.Inventory.GPUs = append(p.Inventory.GPUs, GPU{Manufacturer: maker, Model: model})
	return true
}

func (p *parser) readCores(d []byte) bool {
	const entry = 5
	if len(d) < 1 || len(d) < 1+entry*int(d[0]) {
		return false
	}
	for i := range int(d[0]) {
		e := d[1+entry*i:]
		p.Inventory.HybridCores = append(p.Inventory.HybridCores, CoreClass{
			Class: e[0], Cores: binary.LittleEndian.Uint16(e[1:]), Threads: binary.LittleEndian.Uint16(e[3:]),
		})
	}
	return true
}

func (p *parser) readLanguage(s string) bool {
	l := &p.language
	for _, part := range []*string{&l.OSLanguage, &l.Locale, &l.TimeZone, &l.LanguagePacks} {
		before, after, found := strings.Cut(s, "|")
		if !found {
			return false
		}
		*part, s = before, after
	}
	l.Keyboard = s
	p.Inventory.Language = l
	return true
}

func (p *parser) readSPPHWID(d []byte) bool {
	const fixed = 28
	if len(d) < fixed {
		return false
	}
	u16, u32 := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32
	id := SPPHWID{Lengths: [2]uint32{u32(d), u32(d[4:])}, Reserved: u32(d[8:])}
	want := 2
	for i := range id.Counts {
		id.Counts[i] = u16(d[12+2*i:])
		want += int(id.Counts[i])
	}
	if len(d) < fixed+2*want {
		return false
	}
	for i := range want {
		id.Components = append(id.Components, u16(d[fixed+2*i:]))
	}
	p.Inventory.SoftwarePlatform = &id
	return true
}
