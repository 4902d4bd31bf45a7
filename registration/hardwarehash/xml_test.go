package hardwarehash

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden decode")

const goldenXML = "testdata/sample1.decoded.xml"

// The whole print is compared with a file; what is documented of sample 1 and of the
// tool's oddities is compared apart, so that an update cannot lose it.
func TestXML_sample1(t *testing.T) {
	t.Parallel()
	report, _ := sample1(t)
	got := report.XML()
	if *update {
		if err := os.WriteFile(goldenXML, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenXML)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var before int
	for _, line := range []string{ // in this order
		`<HardwareReport>`, `<HardwareInventory>`, `<p n="ToolVersion" v="3" />`, `<p n="HardwareInventoryVersion" v="131" />`,
		`<p n="ToolBuild" v="10.0.16237.1001" />`, `<p n="OSType" v="FullOS" />`, `<p n="OsCpuArchitecture" v="x64" />`,
		`<p n="OsBuild" v="10.0.15063.0" />`, `<p n="OsSystemTime" v="2017-07-10T16:50:20Z" />`,
		`<p n="OsLocalTime" v="2017-07-11T22:50:20+30:00" />`,
		`<p n="ProcessorModel" v="Intel(R) Core(TM) i3-6006U CPU @ 2.00GHz" />`, `<p n="ProcessorHyperThreading" v="true" />`,
		`<p n="SmbiosRamMaximumCapacity" v="32" />`, `<p n="TotalPhysicalRAM" v="6" />`,
		`<p n="SmbiosUuid" v="5128d1e9-ec7e-11e6-8f8c-90cdb657a34e" />`, `<p n="SmbiosBoardManufacturer" v="HP" />`,
		`<p n="ChassisType" v="0x0A" />`, `<p n="PrimaryDiskTotalCapacity" v="500" />`, `<p n="PrimaryDiskType" v="HDD" />`,
		`<p n="DiskSerialNumber" v="SBY8JAZJ|ST500LT012-1DG142|" />`,
		`<p n="PhysicalMedium" v="Native802_11" />`, `<p n="MacAddress" v="90:CD:B6:57:A3:4E" />`,
		`<p n="PhysicalMedium" v="802_3" />`, `<p n="MacAddress" v="30:E1:71:27:CC:52" />`,
		`<p n="DisplaySizePhysicalY " v="214" />`, `<p n="TPM EkPub" v="t/Q1n`,
		`<p n="EkPubHash" v="tkNvHYqecYWI8N2DskXLrvm2cj04S8vMIAABMYOovBM=" />`,
		`<p n="OfflineDeviceIdType" v="TPM_EK" />`, `<p n="ProductKeyID" v="3258505007954" />`, `<p n="ProductKeyPkPn" v="[TH]X19-99528" />`,
	} {
		at := strings.Index(string(got[before:]), line)
		if at < 0 {
			t.Errorf("%s is missing or out of order", line)
			continue
		}
		before += at
	}
}

func TestXML_absentTextsAreNull(t *testing.T) {
	t.Parallel()
	got := string(mustNew(t, Inventory{System: System{Product: `A "B" <C>`}}).XML())
	for _, line := range []string{`n="SmbiosSystemSerialNumber" v="(null)"`, `n="SmbiosUuid" v="(null)"`, `v="A &#34;B&#34; &lt;C&gt;"`} {
		if !strings.Contains(got, line) {
			t.Errorf("%s is not in\n%s", line, got)
		}
	}
	if strings.Contains(got, "TotalPhysicalRAM") {
		t.Error("memory is printed though no record says it")
	}
}

// What a decode prints is read back, and identifies the same device.
func TestParseXML_roundTrip(t *testing.T) {
	t.Parallel()
	g := NewGenerator(11)
	reports := []*Report{g.Next().Report, g.Next().Report, g.Next().Report}
	old, _ := sample1(t)
	reports = append(reports, old)
	for _, report := range reports {
		printed := append([]byte("OEM Activation Tool 3.0\r\nVersion: 10.0.25398.\r\n"), report.XML()...)
		if !IsXML(printed) {
			t.Fatal("not recognised")
		}
		again, err := ParseXML(printed)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(report.Identity(), again.Identity()); diff != "" {
			t.Errorf("another identity (-hash +xml):\n%s", diff)
		}
		if diff := cmp.Diff(string(report.XML()), string(again.XML())); diff != "" {
			t.Errorf("another decode (-hash +xml):\n%s", diff)
		}
		if len(again.Warnings) != 1 || again.Warnings[0].Code != WarnFromXML {
			t.Errorf("warnings %v", again.Warnings)
		}
	}
}

func TestParseXML_variants(t *testing.T) {
	t.Parallel()
	wrap := func(lines string) []byte {
		return []byte("<HardwareReport><HardwareInventory>" + lines + "</HardwareInventory></HardwareReport>")
	}
	report, err := ParseXML(wrap(`<p n="Disk0.DiskSerialNumber" v="A|M|"/><p n="Disk0.DiskCapacity" v="256"/><p n="DiskSSNKernel" v="(null)"/>` +
		`<p n="MacAddress" v="00-15-5d-00-00-01"/><p n="EkPubHash" v="tkNvHYqecYWI8N2DskXLrvm2cj04S8vMIAABMYOovBM="/>` +
		`<p n="OsLocalTime" v="2022-08-02T10:13:55-07:00"/><p n="Whatever" v="1"/><p n="Disk99999999.DiskCapacity" v="1"/>`))
	if err != nil {
		t.Fatal(err)
	}
	id := report.Identity()
	if id.SystemDisk != "A|M|" || len(id.MACs) != 1 || id.EK != mustDigest("tkNvHYqecYWI8N2DskXLrvm2cj04S8vMIAABMYOovBM=") || report.Inventory.Capture.ZoneQuarters != -28 {
		t.Errorf("%+v", id)
	}
	for name, text := range map[string]string{
		"nothing":  "<Other/>",
		"cut off":  "<HardwareReport><HardwareInventory><p n=",
		"number":   string(wrap(`<p n="ProcessorCores" v="many"/>`)),
		"overflow": string(wrap(`<p n="ProcessorCores" v="65536"/>`)),
		"UUID":     string(wrap(`<p n="SmbiosUuid" v="5128d1e9"/>`)),
		"MAC":      string(wrap(`<p n="MacAddress" v="5128d1e9"/>`)),
		"key":      string(wrap(`<p n="TPM EkPub" v="!"/>`)),
		"digest":   string(wrap(`<p n="OfflineDeviceId" v="AAAA"/>`)),
		"zone":     string(wrap(`<p n="OsLocalTime" v="now"/>`)),
		"build":    string(wrap(`<p n="ToolBuild" v="10"/>`)),
	} {
		if _, err := ParseXML([]byte(text)); ReasonOf(err) != ReasonXML {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseXML(f *testing.F) {
	report, _ := sample1(f)
	f.Add(report.XML())
	f.Add(NewGenerator(1).Next().Report.XML())
	f.Fuzz(func(t *testing.T, text []byte) {
		report, err := ParseXML(text)
		if err != nil {
			if ReasonOf(err) == "" {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		if again, err := ParseXML(report.XML()); err != nil || !bytes.Equal(again.XML(), report.XML()) {
			t.Fatalf("what was read is not printed the same: %v", err)
		}
	})
}
