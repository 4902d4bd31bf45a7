package collect

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/registration/hardwarehash"
)

// tree builds a machine: files by path, and links by "path -> target".
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		link, target, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(root, filepath.FromSlash(link))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if !isLink {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		up := strings.Repeat("../", strings.Count(link, "/"))
		if err := os.Symlink(filepath.FromSlash(up+target), path); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const (
	pci  = "sys/devices/pci0000:00/"
	nvme = pci + "0000:00:1d.0/nvme/nvme0/nvme0n1"
	sata = pci + "0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda"
)

// laptop is a machine with an NVMe disk under an encrypted volume, a second SATA disk,
// a USB stick, and adapters of which two count.
func laptop() map[string]string {
	return map[string]string{
		"proc/sys/kernel/osrelease": "6.8.0-45-generic\n",
		"proc/meminfo":              "MemTotal:       16096012 kB\nMemFree: 1 kB\n",
		"proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Invented(R) CPU\nphysical id\t: 0\ncore id\t\t: 0\n\n" +
			"processor\t: 1\nvendor_id\t: GenuineIntel\nmodel name\t: Invented(R) CPU\nphysical id\t: 0\ncore id\t\t: 0\n",
		"proc/self/mountinfo": "20 1 0:5 / /proc rw - proc proc rw\n29 1 252:0 / / rw,relatime shared:1 - ext4 /dev/mapper/root rw\n",

		"sys/class/dmi/id/bios_vendor":     "Glimmer Firmware Works\n",
		"sys/class/dmi/id/sys_vendor":      "Fjordtek AS\n",
		"sys/class/dmi/id/product_name":    "Fjordtek Skarv 14 G3\n",
		"sys/class/dmi/id/product_version": "Rev 1.2\n",
		"sys/class/dmi/id/product_serial":  "SK0000001 \n",
		"sys/class/dmi/id/product_sku":     "SKV14-G3#UUW\n",
		"sys/class/dmi/id/product_family":  "Skarv\n",
		"sys/class/dmi/id/product_uuid":    "4C4C4544-0042-3510-8051-B7C04F445931\n",
		"sys/class/dmi/id/board_vendor":    "Fjordtek AS\n",
		"sys/class/dmi/id/board_name":      "MB-1\n",
		"sys/class/dmi/id/board_version":   "A03\n",
		"sys/class/dmi/id/chassis_type":    "10\n",

		nvme + "/size":                                        "1000215216\n",
		nvme + "/removable":                                   "0\n",
		nvme + "/wwid":                                        "eui.0025385b71b04e01\n",
		nvme + "/queue/rotational":                            "0\n",
		nvme + "/queue/discard_max_bytes":                     "2199023255040\n",
		nvme + "/device/model":                                "Halden NV3 512GB        \n",
		nvme + "/device/serial":                               "S1234\n",
		nvme + "/nvme0n1p2/partition":                         "2\n",
		"sys/block/nvme0n1 -> " + nvme:                        "",
		"sys/class/block/nvme0n1p2 -> " + nvme + "/nvme0n1p2": "",

		sata + "/size":                    "3907029168\n",
		sata + "/removable":               "0\n",
		sata + "/queue/rotational":        "1\n",
		sata + "/queue/discard_max_bytes": "0\n",
		sata + "/device/vendor":           "ATA     \n",
		sata + "/device/model":            "Spindle 2T\n",
		sata + "/device/vpd_pg80":         "\x00\x80\x00\x08  WD-0042",
		"sys/block/sda -> " + sata:        "",

		pci + "0000:00:14.0/usb1/1-1/block/sdb/size":                  "1000\n",
		pci + "0000:00:14.0/usb1/1-1/block/sdb/device/model":          "Stick\n",
		"sys/block/sdb -> " + pci + "0000:00:14.0/usb1/1-1/block/sdb": "",

		"sys/devices/virtual/block/dm-0/size":                       "1000\n",
		"sys/devices/virtual/block/dm-0/slaves/nvme0n1p2/partition": "2\n",
		"sys/block/dm-0 -> sys/devices/virtual/block/dm-0":          "",
		"sys/class/block/dm-0 -> sys/devices/virtual/block/dm-0":    "",
		"sys/dev/block/252:0 -> sys/devices/virtual/block/dm-0":     "",

		pci + "0000:00:1f.6/net/eth0/address":                         "90:cd:b6:00:00:01\n",
		pci + "0000:00:1f.6/net/eth0/addr_assign_type":                "0\n",
		pci + "0000:00:1f.6/net/eth0/type":                            "1\n",
		pci + "0000:00:1f.6/net/eth0/device/subsystem -> sys/bus/pci": "",
		"sys/class/net/eth0 -> " + pci + "0000:00:1f.6/net/eth0":      "",

		pci + "0000:00:14.3/net/wlan0/address":                         "90:cd:b6:00:00:02\n",
		pci + "0000:00:14.3/net/wlan0/addr_assign_type":                "0\n",
		pci + "0000:00:14.3/net/wlan0/type":                            "1\n",
		pci + "0000:00:14.3/net/wlan0/wireless/x":                      "",
		pci + "0000:00:14.3/net/wlan0/device/subsystem -> sys/bus/pci": "",
		"sys/class/net/wlan0 -> " + pci + "0000:00:14.3/net/wlan0":     "",

		pci + "0000:00:14.0/usb1/1-2/net/usb0/address":                         "90:cd:b6:00:00:03\n",
		pci + "0000:00:14.0/usb1/1-2/net/usb0/type":                            "1\n",
		pci + "0000:00:14.0/usb1/1-2/net/usb0/device/subsystem -> sys/bus/usb": "",
		"sys/class/net/usb0 -> " + pci + "0000:00:14.0/usb1/1-2/net/usb0":      "",

		"sys/devices/virtual/net/lo/address":             "00:00:00:00:00:00\n",
		"sys/devices/virtual/net/lo/type":                "772\n",
		"sys/class/net/lo -> sys/devices/virtual/net/lo": "",
		"sys/bus/pci/x": "", "sys/bus/usb/x": "",

		pci + "0000:00:1f.7/net/eth1/address":                         "90:cd:b6:00:00:04\n",
		pci + "0000:00:1f.7/net/eth1/addr_assign_type":                "3\n",
		pci + "0000:00:1f.7/net/eth1/type":                            "1\n",
		pci + "0000:00:1f.7/net/eth1/device/subsystem -> sys/bus/pci": "",
		"sys/class/net/eth1 -> " + pci + "0000:00:1f.7/net/eth1":      "",

		"sys/class/drm/card0-DP-1/edid":        "",
		"sys/class/drm/card0-eDP-1/edid":       edid(),
		"sys/class/tpm/tpm0/tpm_version_major": "2\n",
		"sys/firmware/dmi/tables/DMI":          table(),
	}
}

// edid is 1920×1200 on 344×215 mm.
func edid() string {
	raw := make([]byte, 128)
	copy(raw[54:], []byte{1, 1, 0x80, 0, 0x70, 0xB0, 0, 0x40, 0, 0, 0, 0, 0x58, 0xD7, 0x10})
	return string(raw)
}

// table is an SMBIOS table with an array of two modules of 8 GiB, and a system.
func table() string {
	var b bytes.Buffer
	system := make([]byte, 0x1B)
	system[0], system[1], system[4], system[5], system[7] = smbiosSystem, 0x1B, 1, 2, 3
	copy(system[8:], []byte{0x44, 0x45, 0x4c, 0x4c, 0x42, 0, 0x10, 0x35, 0x80, 0x51, 0xb7, 0xc0, 0x4f, 0x44, 0x59, 0x31})
	b.Write(system)
	b.WriteString("Table Maker\x00Table Product\x00TABLE-1\x00\x00")
	array := make([]byte, 0x17)
	array[0], array[1], array[6] = smbiosMemoryArray, 0x17, 3
	binary.LittleEndian.PutUint32(array[7:], 64<<20) // KiB
	binary.LittleEndian.PutUint16(array[0x0D:], 2)
	b.Write(array)
	b.WriteString("\x00\x00")
	for range 2 {
		module := make([]byte, 0x22)
		module[0], module[1] = smbiosMemoryDevice, 0x22
		binary.LittleEndian.PutUint16(module[0x0C:], 8<<10) // MiB
		b.Write(module)
		b.WriteString("\x00\x00")
	}
	b.Write([]byte{smbiosEnd, 4, 0, 0, 0, 0})
	return b.String()
}

var now = time.Date(2026, 5, 4, 10, 0, 0, 0, time.FixedZone("", 2*3600))

func noteOf(notes []Note, field string) string {
	for _, n := range notes {
		if n.Field == field {
			return n.Detail
		}
	}
	return ""
}

func TestCollect_laptop(t *testing.T) {
	t.Parallel()
	tpm := &fakeTPM{key: modulus()}
	inv, notes := Collect(Machine{
		Root: tree(t, laptop()), Arch: "amd64", Now: now, ProductKeyID: "3300000000042",
		OpenTPM: func() (TPM, error) { return tpm, nil },
	})
	system := hardwarehash.NewDisk("0025_385B_71B0_4E01.|Halden NV3 512GB|")
	want := hardwarehash.Inventory{
		Capture: &hardwarehash.Capture{
			OS: hardwarehash.Version{Major: 6, Minor: 8}, Time: now.UTC(), ZoneQuarters: 8, OSType: hardwarehash.OSTypeFull, Architecture: 9,
		},
		Processor:       &hardwarehash.Processor{Architecture: 9, Packages: 1, Cores: 1, Threads: 2, HyperThreading: 1},
		ProcessorVendor: "GenuineIntel", ProcessorModel: "Invented(R) CPU",
		Memory:     &hardwarehash.Memory{PhysicalGB: 16, MaximumGB: 64, Slots: 2, Arrays: 1, ErrorCorrection: 3},
		Drives:     []hardwarehash.Drive{{CapacityGB: 512, Bus: 17, Trim: 1}, {CapacityGB: 2000, Bus: 11, SeekPenalty: 1}},
		Disks:      []hardwarehash.Disk{system, hardwarehash.NewDisk("WD-0042|Spindle 2T|ATA")},
		SystemDisk: &system,
		NICs: []hardwarehash.NIC{
			{Medium: 14, MAC: hardwarehash.MAC{0x90, 0xcd, 0xb6, 0, 0, 1}, Bus: "PCI"},
			{Medium: 9, MAC: hardwarehash.MAC{0x90, 0xcd, 0xb6, 0, 0, 2}, Bus: "PCI"},
		},
		Display:        &hardwarehash.Display{WidthMM: 344, HeightMM: 215, WidthPx: 1920, HeightPx: 1200, Output: 0x80000000},
		DisplayCM:      &hardwarehash.DisplaySize{Width: 34, Height: 21},
		Chassis:        &hardwarehash.Chassis{Type: 10, Role: 2},
		OfflineID:      &hardwarehash.OfflineID{Kind: hardwarehash.KindTPM, ID: sha256.Sum256(tpm.key)},
		UUID:           &hardwarehash.UUID{0x4c, 0x4c, 0x45, 0x44, 0, 0x42, 0x35, 0x10, 0x80, 0x51, 0xb7, 0xc0, 0x4f, 0x44, 0x59, 0x31},
		TPMVersion:     "TPM-Version:2.0 -Level:0-Revision:1.59-VendorID:'GLMR'-Firmware:458752.42",
		EKPub:          tpm.key,
		FirmwareVendor: "Glimmer Firmware Works",
		System: hardwarehash.System{
			Manufacturer: "Fjordtek AS", Product: "Fjordtek Skarv 14 G3", Serial: "SK0000001", SKU: "SKV14-G3#UUW", Family: "Skarv", Version: "Rev 1.2",
		},
		Board:        hardwarehash.Board{Manufacturer: "Fjordtek AS", Product: "MB-1", Version: "A03"},
		ProductKeyID: "3300000000042",
	}
	if diff := cmp.Diff(want, inv); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(noteOf(notes, "MacAddress"), "eth1 was set by software") || len(notes) != 1 {
		t.Errorf("notes %v", notes)
	}
	report, err := hardwarehash.New(inv)
	if err != nil {
		t.Fatal(err)
	}
	if v := report.Validate(); !v.Valid {
		t.Errorf("the hash is not valid: %+v", v.Checks)
	}
	if report.Identity().UUID.String() != "4c4c4544-0042-3510-8051-b7c04f445931" {
		t.Error("the UUID changed on its way through the hash")
	}
	if !tpm.closed {
		t.Error("the TPM stays open")
	}
}

// A container sees next to nothing: fields stay unknown, with a reason each.
func TestCollect_emptyMachine(t *testing.T) {
	t.Parallel()
	inv, notes := Collect(Machine{Root: t.TempDir(), Arch: "riscv64", Now: now})
	report, err := hardwarehash.New(inv)
	if err != nil {
		t.Fatal(err)
	}
	v := report.Validate()
	for _, c := range v.Checks {
		if c.Class != hardwarehash.Critical {
			continue
		}
		if c.State != hardwarehash.FieldMissing {
			t.Errorf("%s was invented: %q", c.Field, c.Value)
		}
		if noteOf(notes, c.Field) == "" {
			t.Errorf("nothing says why %s is missing", c.Field)
		}
	}
	if len(report.Records) != 1 {
		t.Errorf("%d records, want that of the capture alone", len(report.Records))
	}
}

// What the kernel does not show is read from the table itself, UUID by its byte order.
func TestCollect_fromTheTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entry string
		uuid  bool
	}{
		"3.0": {"_SM3_\x00\x18\x03\x00", true},
		"2.6": {"_SM_\x00\x1f\x02\x06\x00", true},
		"2.5": {"_SM_\x00\x1f\x02\x05\x00", false}, // nobody can tell the byte order
	} {
		inv, _ := Collect(Machine{Arch: "amd64", Now: now, Root: tree(t, map[string]string{
			"sys/firmware/dmi/tables/DMI": table(), "sys/firmware/dmi/tables/smbios_entry_point": c.entry,
		})})
		if inv.System.Manufacturer != "Table Maker" || inv.System.Serial != "TABLE-1" {
			t.Errorf("%s: %+v", name, inv.System)
		}
		if got := inv.UUID != nil && inv.UUID.String() == "4c4c4544-0042-3510-8051-b7c04f445931"; got != c.uuid {
			t.Errorf("%s: UUID %v", name, inv.UUID)
		}
	}
}

func TestStructures_damagedTable(t *testing.T) {
	t.Parallel()
	whole := []byte(table())
	for n := range whole {
		for _, s := range structures(whole[:n]) {
			_ = s.text(4)
			_, _, _ = s.u16(0x0D), s.u32(7), s.u64(0x0F)
			_, _ = arrayBytes(s), deviceBytes(s)
		}
	}
	if got := len(structures(whole)); got != 5 {
		t.Errorf("%d structures, want 5", got)
	}
}

func TestDeviceBytes(t *testing.T) {
	t.Parallel()
	module := func(size uint16, extended uint32) structure {
		data := make([]byte, 0x20)
		binary.LittleEndian.PutUint16(data[0x0C:], size)
		binary.LittleEndian.PutUint32(data[0x1C:], extended)
		return structure{data: data}
	}
	for _, c := range []struct {
		s    structure
		want uint64
	}{
		{module(0, 0), 0}, {module(0xFFFF, 0), 0}, {module(4096, 0), 4 << 30}, {module(0x8000|512, 0), 512 << 10}, {module(0x7FFF, 65536), 64 << 30},
	} {
		if got := deviceBytes(c.s); got != c.want {
			t.Errorf("%v: %d, want %d", c.s.data[0x0C:0x0E], got, c.want)
		}
	}
}

func TestCollect_theTPMRefuses(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{"sys/class/tpm/tpm0/tpm_version_major": "2\n"})
	for name, open := range map[string]func() (TPM, error){
		"closed":     func() (TPM, error) { return nil, os.ErrPermission },
		"no key":     func() (TPM, error) { return &fakeTPM{}, nil },
		"nonsense":   func() (TPM, error) { return &fakeTPM{cut: 12, key: modulus()}, nil },
		"no answer":  func() (TPM, error) { return &fakeTPM{fail: true}, nil },
		"not opened": nil,
	} {
		inv, notes := Collect(Machine{Root: root, Now: now, OpenTPM: open})
		if len(inv.EKPub) != 0 || inv.OfflineID != nil || noteOf(notes, "EkPubHash") == "" {
			t.Errorf("%s: a key of %d bytes, note %q", name, len(inv.EKPub), noteOf(notes, "EkPubHash"))
		}
		if !strings.HasPrefix(inv.TPMVersion, "TPM-Version:2.0") {
			t.Errorf("%s: version %q", name, inv.TPMVersion)
		}
	}
}

func TestEKFromCertificate(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	elliptic, err := x509.CreateCertificate(rand.Reader, template, template, &other.PublicKey, other)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})} {
		got, err := EKFromCertificate(raw)
		if err != nil || !bytes.Equal(got, key.N.Bytes()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, raw := range map[string][]byte{"nothing": nil, "elliptic": elliptic} {
		if _, err := EKFromCertificate(raw); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	inv, notes := Collect(Machine{Root: tree(t, map[string]string{"sys/class/tpm/tpm0/tpm_version_major": "2\n"}), Now: now, EKPub: key.N.Bytes()})
	if inv.OfflineID == nil || inv.OfflineID.ID != sha256.Sum256(key.N.Bytes()) {
		t.Errorf("the certificate's key is not stated; notes %v", notes)
	}
}

func TestByNumber(t *testing.T) {
	t.Parallel()
	if byNumber("eth2", "eth10") >= 0 || byNumber("eth0", "wlan0") >= 0 || byNumber("a", "a") != 0 {
		t.Error("the order is not that of the numbers")
	}
}

func modulus() []byte {
	key := bytes.Repeat([]byte{0x9A}, 256)
	key[255] = 0x9B
	return key
}

// fakeTPM answers the two commands that are sent.
type fakeTPM struct {
	key    []byte
	cut    int
	fail   bool
	closed bool
	answer []byte
}

func (f *fakeTPM) Close() error { f.closed = true; return nil }

func (f *fakeTPM) Read(p []byte) (int, error) {
	if f.fail {
		return 0, errors.New("gone")
	}
	return copy(p, f.answer), nil
}

func (f *fakeTPM) Write(p []byte) (int, error) {
	be := binary.BigEndian
	var body []byte
	code := uint32(0)
	switch be.Uint32(p[6:]) {
	case ccGetCapability:
		body = append(body, 0)
		body = be.AppendUint32(body, capProperties)
		props := []uint32{propLevel, 0, propRevision, 159, propMaker, 0x474C4D52, propFirmware1, 458752, propFirmware2, 42}
		body = be.AppendUint32(body, uint32(len(props)/2))
		for _, v := range props {
			body = be.AppendUint32(body, v)
		}
	case ccReadPublic:
		if f.key == nil || be.Uint32(p[10:]) != ekHandle {
			code = 0x18B // TPM_RC_HANDLE
			break
		}
		body = be.AppendUint16(body, 314)
		body = be.AppendUint16(body, algRSA)
		body = be.AppendUint16(body, 0x000B)
		body = be.AppendUint32(body, 0x000300B2)
		body = be.AppendUint16(body, 32)
		body = append(body, make([]byte, 32)...)
		for _, v := range []uint16{0x0006, 128, 0x0043, algNull, 2048} {
			body = be.AppendUint16(body, v)
		}
		body = be.AppendUint32(body, 0)
		body = be.AppendUint16(body, uint16(len(f.key)))
		body = append(body, f.key...)
	}
	if f.cut > 0 {
		body = body[:min(len(body), f.cut)]
	}
	f.answer = be.AppendUint16(nil, tagNoSessions)
	f.answer = be.AppendUint32(f.answer, uint32(tpmHeader+len(body)))
	f.answer = append(be.AppendUint32(f.answer, code), body...)
	return len(p), nil
}
