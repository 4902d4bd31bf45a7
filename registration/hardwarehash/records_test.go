package hardwarehash

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Records that the samples do not have, in the layout that captures of newer
// tools show.
func TestDecode_newerRecordsRoundTrip(t *testing.T) {
	t.Parallel()
	want := Inventory{
		HybridCores: []CoreClass{{1, 4, 8}, {0, 8, 8}},
		GPUMemory:   []GPUMemory{{DedicatedVideo: 128 << 20, DedicatedSystem: 1, Removal: 3, InLocalContainer: 1}},
		GPUs:        []GPU{{"Maker", "Modèle 5"}},
		Language:    &Language{"en-US", "de-DE", "Eastern Standard Time", "en-US;de-DE", "00000407"},
		SoftwarePlatform: &SPPHWID{
			Lengths: [2]uint32{40, 40}, Counts: [8]uint16{1, 0, 2}, Components: []uint16{9, 8, 7, 6, 5},
		},
	}
	report := mustNew(t, want, Record{Type: 35, Data: []byte{2, 255, 7}}, Record{Type: 4000})
	if diff := cmp.Diff(want, report.Inventory); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(report.Warnings) != 0 {
		t.Errorf("warnings: %v", report.Warnings)
	}
	if got := fieldValue(report, "Record 35"); got != "02ff07" {
		t.Errorf("record 35 is shown as %q", got)
	}
	first := bytes.Index(report.Encode(), []byte{34, 0, 15, 0, 2, 1, 4, 0, 8, 0, 0, 8, 0, 8, 0})
	if first != headerLen {
		t.Errorf("hybrid cores stand at %d", first)
	}
}

// One odd record costs its own values and a warning, not the device.
func TestDecode_oddRecordsAreWarnings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		record Record
		want   string
	}{
		"short UUID":         {Record{typeUUID, make([]byte, 15)}, WarnMalformed},
		"short capture":      {Record{typeCapture, nil}, WarnMalformed},
		"short NIC":          {Record{typeNIC, make([]byte, 13)}, WarnMalformed},
		"NIC name too long":  {Record{typeNIC, pack(uint32(14), make([]byte, 6), uint32(0xFFFFFFFF))}, WarnMalformed},
		"offline id of 31":   {Record{typeOfflineID, pack(uint32(0), uint16(1), uint32(31), make([]byte, 32))}, WarnMalformed},
		"empty key":          {Record{typeEKPub, nil}, WarnMalformed},
		"cores missing":      {Record{typeHybridCores, []byte{2, 1, 4, 0, 8, 0}}, WarnMalformed},
		"four languages":     {Record{typeLanguage, []byte("a|b|c|d")}, WarnMalformed},
		"components missing": {Record{typeSPPHWID, make([]byte, 30)}, WarnMalformed},
		"Latin-1":            {Record{typeSKU, []byte("Gr\xFC\xDFe\x00")}, WarnNotUTF8},
	} {
		report, err := Decode(resealed(t, c.record, Record{typeSerial, []byte("S1\x00rest")}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := codes(report.Warnings); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: warnings %v", name, got)
		}
		if report.Inventory.System.Serial != "S1" {
			t.Errorf("%s: the serial was lost", name)
		}
	}
}

func TestDecode_repeatedRecordFirstCounts(t *testing.T) {
	t.Parallel()
	report, err := Decode(resealed(t, Record{typeSerial, []byte("FIRST\x00")}, Record{typeSerial, []byte("SECOND\x00")}))
	if err != nil {
		t.Fatal(err)
	}
	if report.Inventory.System.Serial != "FIRST" || !slices.Equal(codes(report.Warnings), []string{WarnRepeated}) {
		t.Errorf("serial %q, warnings %v", report.Inventory.System.Serial, report.Warnings)
	}
	if report.Inventory.System.SKU != "" || len(report.Records) != 2 {
		t.Error("the repeated record was dropped")
	}
}

func TestDecode_longerRecordIsReadByItsKnownPart(t *testing.T) {
	t.Parallel()
	report, err := Decode(resealed(t, Record{typeDisplayCM, []byte{38, 0, 21, 0, 99, 99}}))
	if err != nil || report.Inventory.DisplayCM == nil || report.Inventory.DisplayCM.Height != 21 || len(report.Warnings) != 0 {
		t.Fatalf("%+v %v", report, err)
	}
}

func TestFields_controlCharactersAreShown(t *testing.T) {
	t.Parallel()
	report := mustNew(t, Inventory{System: System{Serial: "A\x1b[2J\nB"}})
	if got := fieldValue(report, "SmbiosSystemSerialNumber"); got != "A\uFFFD[2J\uFFFDB" {
		t.Errorf("%q", got)
	}
}

func TestNew_refusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	_, err := New(Inventory{EKPub: make([]byte, StandardRaw)})
	assertRefused(t, "3000-byte key", err, ReasonTooLong)
}
