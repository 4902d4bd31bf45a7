package hardwarehash

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sample1Disk = "SBY8JAZJ|ST500LT012-1DG142|"

// golden1 is sample 1 as OA3Tool decodes it; the key is compared apart.
func golden1() Inventory {
	disk := Disk{Text: sample1Disk, Serial: "SBY8JAZJ", Product: "ST500LT012-1DG142"}
	return Inventory{
		Capture: &Capture{
			Tool: Version{10, 0, 16237, 1001}, OS: Version{10, 0, 15063, 0},
			Time:         time.Date(2017, 7, 10, 16, 50, 20, 0, time.UTC),
			ZoneQuarters: ZoneUnset, OSType: OSTypeFull, Architecture: 9, ToolVersion: 3,
		},
		Processor:       &Processor{Architecture: 9, Packages: 1, Cores: 2, Threads: 4, HyperThreading: 1},
		ProcessorVendor: "GenuineIntel",
		ProcessorModel:  "Intel(R) Core(TM) i3-6006U CPU @ 2.00GHz",
		Memory:          &Memory{PhysicalGB: 6, MaximumGB: 32, Slots: 2, Arrays: 1, ErrorCorrection: 3},
		Drives:          []Drive{{CapacityGB: 500, Bus: 11, SeekPenalty: 1, Trim: 0}},
		Disks:           []Disk{disk},
		SystemDisk:      &disk,
		NICs: []NIC{
			{Medium: 9, MAC: MAC{0x90, 0xcd, 0xb6, 0x57, 0xa3, 0x4e}, Bus: "PCI"},
			{Medium: 14, MAC: MAC{0x30, 0xe1, 0x71, 0x27, 0xcc, 0x52}, Bus: "PCI"},
		},
		Display:        &Display{WidthMM: 382, HeightMM: 214, WidthPx: 1600, HeightPx: 900, Output: 0x80000000},
		DisplayCM:      &DisplaySize{Width: 38, Height: 21},
		Chassis:        &Chassis{Type: 0x0A, Role: 2, Unknown: 1},
		OfflineID:      &OfflineID{Kind: KindTPM, ID: mustDigest("tkNvHYqecYWI8N2DskXLrvm2cj04S8vMIAABMYOovBM=")},
		UUID:           &UUID{0x51, 0x28, 0xd1, 0xe9, 0xec, 0x7e, 0x11, 0xe6, 0x8f, 0x8c, 0x90, 0xcd, 0xb6, 0x57, 0xa3, 0x4e},
		TPMVersion:     "TPM-Version:2.0 -Level:0-Revision:1.16-VendorID:'INTC'-Firmware:720902.1639629",
		FirmwareVendor: "Insyde",
		System: System{
			Manufacturer: "HP", Product: "HP Laptop 17-bs0xx", Serial: "ABC70500VW", SKU: "123456#@@GM",
			Family: "103C_5335KV HP Notebook", Version: "Type1ProductConfigId",
		},
		Board:         Board{Manufacturer: "HP", Product: "833C", Version: "49.34"},
		ProductKeyID:  "3258505007954",
		KeyPartNumber: "[TH]X19-99528",
	}
}

func mustDigest(s string) [32]byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return [32]byte(b)
}

func TestDecode_sample1FieldByField(t *testing.T) {
	t.Parallel()
	report, raw := sample1(t)
	got := report.Inventory
	if len(got.EKPub) != 256 || hex.EncodeToString(got.EKPub[:4]) != "b7f4359e" {
		t.Errorf("endorsement key: %d bytes beginning %x", len(got.EKPub), got.EKPub[:4])
	}
	got.EKPub = nil
	if diff := cmp.Diff(golden1(), got); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
	if len(report.Warnings) != 0 {
		t.Errorf("warnings on a sound hash: %v", report.Warnings)
	}
	if len(report.Records) != 29 {
		t.Errorf("%d records, want 29", len(report.Records))
	}
	if len(raw) != 902+36 {
		t.Errorf("the trimmed hash has %d bytes", len(raw))
	}
	const digest = "baf27e364b6202e1f9693b3917832df558435c80f2ac42e0a085d9f46d1f089c"
	if got := hex.EncodeToString(raw[902+4:]); got != digest {
		t.Errorf("digest %s, want %s", got, digest)
	}
}

func TestEncode_sample1IsByteExact(t *testing.T) {
	t.Parallel()
	text := sampleText(t, "sample1")
	want, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(want) != StandardRaw {
		t.Fatalf("sample: %d bytes, %v", len(want), err)
	}
	report, trimmed := sample1(t)
	if !bytes.Equal(report.Encode(), want) {
		t.Error("decoding and encoding changed the hash")
	}
	if Text(trimmed) != string(text) {
		t.Error("the trimmed bytes do not give the text back")
	}
	rebuilt, err := New(report.Inventory)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(rebuilt.Encode(), want) {
		t.Error("writing the inventory anew gives other bytes")
	}
}

// Sample 2 was cut where it was published, so only its records can be read.
func TestRecords_sample2Partial(t *testing.T) {
	t.Parallel()
	raw, err := base64.StdEncoding.DecodeString(string(sampleText(t, "sample2_truncated")))
	if err != nil {
		t.Fatal(err)
	}
	const wholeRecords = 752 // bytes up to the record that the cut goes through
	records, err := split(raw[:wholeRecords], nil)
	if err != nil {
		t.Fatal(err)
	}
	p := parser{decoded: &decoded{}, texts: string(raw[:wholeRecords])}
	p.readAll(records)
	if len(records) != 18 || len(p.Warnings) != 0 {
		t.Fatalf("%d records, warnings %v", len(records), p.Warnings)
	}
	report := Report{Inventory: p.Inventory, Records: records}
	for name, want := range map[string]string{
		"ToolBuild": "10.0.25158.1000", "OsBuild": "10.0.25158.1000", "OsSystemTime": "2022-08-02T17:13:55Z",
		"OsLocalTime": "2022-08-02T10:13:55-07:00", "ProcessorModel": "AMD Ryzen Threadripper PRO 3945WX 12-Cores",
		"TotalPhysicalRAM": "4", "SmbiosRamMaximumCapacity": "2048", "Disk1.DiskCapacity": "136",
		"Disk1.StorageBusType": "SAS", "Disk1.IncursSeekPenalty": "-1", "Disk1.TrimEnabled": "1",
		"Disk1.DiskType": "Unknown", "Disk1.DiskSerialNumber": "|Virtual Disk    |Msft    ",
		"PhysicalMedium": "Unspecified", "MacAddress": "00:15:5D:E9:DB:6F", "MacAddressBus": "VMBUS",
		"DisplaySizePhysicalH": "0", "DisplayResolutionHorizontal": "1024", "DisplayResolutionVertical": "768",
		"ChassisType": "0x03", "EkPubHash": "0LBZ0r628pNBzpY3TTl4gJLLiKg2o697nm86KkBGOTs=",
		"OfflineDeviceId": "0LBZ0r628pNBzpY3TTl4gJLLiKg2o697nm86KkBGOTs=",
		"SmbiosUuid":      "b47bae21-9291-4d6f-9876-b4f0b2a8f78e", "SmbiosSystemSerialNumber": "3762-6031-9351-8758-8222-9601-28",
		"SmbiosSystemManufacturer": "Microsoft Corporation",
	} {
		if got := fieldValue(&report, name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if id := report.Identity(); id.SystemDisk != "" || len(id.MACs) != 1 {
		t.Errorf("a disk without serial or the adapter was misjudged: %+v", id)
	}
}

func fieldValue(r *Report, name string) string {
	for _, f := range r.Fields() {
		if f.Name == name {
			return f.Value
		}
	}
	return "(absent)"
}

// The headers of the other published examples prove the order of version numbers
// and the signed time zone.
func TestReadCapture_publishedHeaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want Capture
	}{
		{"T0FzAQEAHAAAAAoA6AOCOgEABgBgW7EdzorHH3g", Capture{Version{10, 0, 14978, 1000}, Version{6, 1, 7601, 23392}, time.Date(2016, 11, 22, 0, 0, 0, 0, time.UTC), ZoneUnset, 0, 0, 0}},
		{"T0FmBAEAHAAAAAoAHgZhSgAACgCSBmFKYGIyKgg", Capture{Version{10, 0, 19041, 1566}, Version{10, 0, 19041, 1682}, time.Date(2022, 6, 7, 0, 0, 0, 0, time.UTC), 8, 0, 0, 0}},
		{"T0GDAgEAHAAAAAoADwCrPwAACgCRALpHq0gcJ3gC", Capture{Version{10, 0, 16299, 15}, Version{10, 0, 18362, 145}, time.Date(2020, 10, 16, 0, 0, 0, 0, time.UTC), ZoneUnset, 0, 0, 0}},
	} {
		raw, err := base64.RawStdEncoding.DecodeString(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got := readCapture(append(raw[8:29:29], 0, 0, 0))
		got.Time = got.Time.Truncate(24 * time.Hour)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%.8s… (-want +got):\n%s", c.text, diff)
		}
	}
}
