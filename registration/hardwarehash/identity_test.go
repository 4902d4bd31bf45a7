package hardwarehash

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIdentity_sample1(t *testing.T) {
	t.Parallel()
	report, _ := sample1(t)
	want := Identity{
		EK:           mustDigest("tkNvHYqecYWI8N2DskXLrvm2cj04S8vMIAABMYOovBM="),
		UUID:         *golden1().UUID,
		Manufacturer: "HP", Product: "HP Laptop 17-bs0xx", Serial: "ABC70500VW",
		SystemDisk:   sample1Disk,
		MACs:         []MAC{{0x30, 0xe1, 0x71, 0x27, 0xcc, 0x52}, {0x90, 0xcd, 0xb6, 0x57, 0xa3, 0x4e}},
		ProductKeyID: "3258505007954",
	}
	if diff := cmp.Diff(want, report.Identity()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := report.Quality(); len(got) != 0 {
		t.Errorf("quality: %v", got)
	}
}

func TestCleanText_placeholders(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "  ", "To be filled by O.E.M.", "TO BE FILLED BY O.E.M.", "Default string", "default_string", "x Default String x",
		"System Serial Number", "System manufacturer", "System Product Name", "Not Specified", "Not Applicable", "None", "N/A",
		"0", "00000000", "0123456789", "123456789", "SMBIOS_STRING_INDEX_0", "smbios_string_index_12", "(null)", " None\t", "\x00\x01",
	} {
		if got := CleanText(s); got != "" {
			t.Errorf("%q passes as %q", s, got)
		}
	}
	for in, want := range map[string]string{
		" PF3ABC ": "PF3ABC", "Nonesuch": "Nonesuch", "SMBIOS_STRING_INDEX_": "SMBIOS_STRING_INDEX_", "1234567890": "1234567890",
		"AB\x01C": "ABC", "Ünïcode": "Ünïcode", "SMBIOS_STRING_INDEX_0b": "SMBIOS_STRING_INDEX_0b",
	} {
		if got := CleanText(in); got != want {
			t.Errorf("CleanText(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestIdentity_macs(t *testing.T) {
	t.Parallel()
	good := MAC{0x00, 0x15, 0x5d, 1, 2, 3}
	inv := Inventory{NICs: []NIC{
		{MAC: MAC{0x90, 1, 2, 3, 4, 5}, Bus: "USB"},
		{MAC: MAC{0x90, 1, 2, 3, 4, 6}, Bus: "usb"},
		{MAC: MAC{0x02, 1, 2, 3, 4, 5}, Bus: "PCI"},
		{MAC: MAC{0x01, 1, 2, 3, 4, 5}, Bus: "PCI"},
		{MAC: MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Bus: "PCI"},
		{Bus: "PCI"},
		{MAC: good, Bus: "VMBUS"},
		{MAC: good, Bus: "VMBUS"},
		{MAC: MAC{0x00, 0x01}, Bus: ""},
	}}
	report := mustNew(t, inv)
	want := []MAC{{0x00, 0x01}, good}
	if got := report.Identity().MACs; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func mustNew(t testing.TB, inv Inventory, extra ...Record) *Report {
	t.Helper()
	report, err := New(inv, extra...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestIdentity_systemDisk(t *testing.T) {
	t.Parallel()
	a, b := NewDisk("S1 |Model|Maker"), NewDisk("S2|Model|Maker")
	for name, c := range map[string]struct {
		inv  Inventory
		want string
	}{
		"named":               {Inventory{Disks: []Disk{a, b}, SystemDisk: &b}, "S2|Model|Maker"},
		"the only one":        {Inventory{Disks: []Disk{a}}, "S1|Model|Maker"},
		"the only one, twice": {Inventory{Disks: []Disk{a, a}}, "S1|Model|Maker"},
		"two unnamed":         {Inventory{Disks: []Disk{a, b}}, ""},
		"none":                {Inventory{}, ""},
		"no serial":           {Inventory{Disks: []Disk{NewDisk("    |Virtual Disk    |Msft    ")}}, ""},
		"zeros":               {Inventory{Disks: []Disk{NewDisk("0000_0000_0000_0000.|M|")}}, ""},
		"placeholder":         {Inventory{Disks: []Disk{NewDisk("Default string|M|")}}, ""},
		"no separators":       {Inventory{Disks: []Disk{NewDisk("S3")}}, "S3||"},
	} {
		if got := mustNew(t, c.inv).Identity().SystemDisk; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestIdentity_endorsementKey(t *testing.T) {
	t.Parallel()
	key := bytes.Repeat([]byte{0x81}, 256)
	sum := Digest(sha256.Sum256(key))
	for name, c := range map[string]struct {
		inv  Inventory
		want Digest
		warn []string
	}{
		"both":           {Inventory{EKPub: key, OfflineID: &OfflineID{Kind: KindTPM, ID: sum}}, sum, []string{}},
		"key only":       {Inventory{EKPub: key}, sum, []string{}},
		"digest only":    {Inventory{OfflineID: &OfflineID{Kind: KindTPM, ID: sum}}, sum, []string{}},
		"contradiction":  {Inventory{EKPub: key, OfflineID: &OfflineID{Kind: KindTPM}}, sum, []string{WarnEKDigest}},
		"not from a TPM": {Inventory{OfflineID: &OfflineID{Kind: 2, ID: sum}}, Digest{}, []string{}},
		"blank key":      {Inventory{EKPub: make([]byte, 256)}, Digest{}, []string{}},
	} {
		report := mustNew(t, c.inv)
		if got := report.Identity().EK; got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if got := codes(report.Warnings); !slices.Equal(got, c.warn) {
			t.Errorf("%s: warnings %v, want %v", name, got, c.warn)
		}
	}
}

func TestIdentity_blankUUIDAndKeyID(t *testing.T) {
	t.Parallel()
	var ones UUID
	almostAll := UUID{0xFE}
	for i := range ones {
		ones[i] = 0xFF
		almostAll[i] |= 0xFE
	}
	if defaultUUID.String() != "03000200-0400-0500-0006-000700080009" {
		t.Fatal("default UUID is " + defaultUUID.String())
	}
	for _, u := range []UUID{{}, ones, defaultUUID} {
		if got := mustNew(t, Inventory{UUID: &u}).Identity().UUID; got != (UUID{}) {
			t.Errorf("%s passes", u)
		}
	}
	if got := mustNew(t, Inventory{UUID: &almostAll}).Identity().UUID; got != almostAll {
		t.Errorf("%s was blanked", almostAll)
	}
	for _, k := range []string{"0000000000000", "325850500795", "32585050079545", "325850500795X"} {
		if got := mustNew(t, Inventory{ProductKeyID: k}).Identity().ProductKeyID; got != "" {
			t.Errorf("%q passes as %q", k, got)
		}
	}
}

func TestQuality_namesEachCriticalField(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, w := range mustNew(t, Inventory{}).Quality() {
		got[w.Field] = w.Code
	}
	for _, field := range []string{
		"DiskSerialNumber", "TPMVersion", "EkPubHash", "MacAddress", "ProductKeyID", "SmbiosSystemFamily",
		"SmbiosSystemManufacturer", "SmbiosSystemProductName", "SmbiosSystemSerialNumber", "SmbiosUuid",
	} {
		if got[field] != QualityMissing {
			t.Errorf("%s: %q", field, got[field])
		}
	}
	bad := mustNew(t, Inventory{
		System: System{Serial: "Default string"}, UUID: &UUID{},
		Capture: &Capture{OSType: OSTypePE, Time: epoch}, Disks: []Disk{NewDisk("0000|M|")},
	})
	got = map[string]string{}
	for _, w := range bad.Quality() {
		got[w.Field] = w.Code
	}
	for field, want := range map[string]string{
		"SmbiosSystemSerialNumber": QualityPlaceholder, "SmbiosUuid": QualityPlaceholder,
		"DiskSerialNumber": QualityPlaceholder, "OSType": QualityNotFullOS,
	} {
		if got[field] != want {
			t.Errorf("%s: %q, want %q", field, got[field], want)
		}
	}
}
