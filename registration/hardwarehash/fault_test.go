package hardwarehash

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// Each structural fault has a reason of its own and a sentence that says where: which
// record, which offset.
func TestFaults_eachHasItsReasonAndPlace(t *testing.T) {
	t.Parallel()
	_, sound := sample1(t)
	const declared, lastRecord = 902, 870
	with := func(at int, values ...byte) []byte {
		raw := bytes.Clone(sound)
		copy(raw[at:], values)
		return raw
	}
	stray := append(bytes.Clone(sound[:declared]), 0, 0, 0)
	binary.LittleEndian.PutUint16(stray[2:], declared+3)
	stray = append(stray, sound[declared:]...)
	for _, c := range []struct {
		fault  string
		raw    []byte
		reason Reason
		offset int
		record int
		typ    uint16
		says   []string
	}{
		{"wrong magic", with(0, 'X'), ReasonWrongMagic, 0, 0, 0, []string{"letters OA"}},
		{"length below the header", with(2, 3, 0), ReasonDeclaredLength, 2, 0, 0, []string{"byte 2", "3 bytes"}},
		{"length past the end", with(2, 0x87, 3), ReasonTruncated, len(sound), 0, 0, []string{"announces 939 bytes", "ends after 938"}},
		{"only a header", sound[:3], ReasonTooShort, 3, 0, 0, []string{"after 3 bytes"}},
		{"record of three bytes", with(6, 3, 0), ReasonRecordLength, 4, 1, typeCapture, []string{"Record 1", "type 1, capture", "byte 4", "states 3 bytes"}},
		{"last record past the end", with(lastRecord+2, 33, 0), ReasonRecordOverrun, lastRecord, 29, typeSystemDisk, []string{"Record 29", "type 28, system disk", "byte 870", "states 33 bytes", "only 32"}},
		{"bytes between records and trailer", stray, ReasonRecordsEnd, declared, 0, 0, []string{"record 29", "byte 902", "3 bytes"}},
		{"no CS", with(declared, 'X'), ReasonTrailerMissing, declared, 0, 0, []string{"CS", "byte 902", "record 29"}},
		{"trailer of 37 bytes", with(declared+2, 37), ReasonTrailerLength, declared + 2, 0, 0, []string{"byte 904", "37 bytes"}},
		{"a changed byte", with(declared-1, 'X'), ReasonDigest, declared + 4, 0, 0, []string{"byte 906", "902 bytes"}},
		{"too long", make([]byte, MaxRaw+1), ReasonTooLong, 0, 0, 0, []string{"3073 bytes"}},
		{"nothing", nil, ReasonEmpty, 0, 0, 0, []string{"empty"}},
	} {
		_, err := Decode(c.raw)
		var got *Error
		if !errors.As(err, &got) {
			t.Errorf("%s: %v", c.fault, err)
			continue
		}
		if got.Reason != c.reason || got.Offset != c.offset || got.Record != c.record || got.Type != c.typ {
			t.Errorf("%s: %+v", c.fault, got)
		}
		for _, part := range c.says {
			if !strings.Contains(got.Detail, part) {
				t.Errorf("%s: %q does not say %q", c.fault, got.Detail, part)
			}
		}
	}
}

// A text that is not base64 says which character.
func TestFaults_textReasonsNameTheCharacter(t *testing.T) {
	t.Parallel()
	whole := string(sampleText(t, "sample1"))
	for _, c := range []struct {
		text   string
		reason Reason
		says   string
	}{
		{whole[:99] + "!" + whole[100:], ReasonBadBase64, "Character 100"},
		{whole[:99] + "...", ReasonElided, "character 100"},
		{whole[:1001], ReasonBase64Length, "1001 characters"},
	} {
		_, _, err := DecodeText([]byte(c.text))
		if ReasonOf(err) != c.reason || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %s saying %q", err, c.reason, c.says)
		}
	}
}

func TestTypeName(t *testing.T) {
	t.Parallel()
	for kind, want := range map[uint16]string{0: "unknown", 8: "network adapter", 31: "unknown", 35: "unknown", 37: "software platform id", 38: "unknown", 65535: "unknown"} {
		if got := TypeName(kind); got != want {
			t.Errorf("type %d is called %q, want %q", kind, got, want)
		}
	}
	for kind := range uint16(64) {
		if isKnown(kind) != (TypeName(kind) != "unknown") {
			t.Errorf("type %d is known or has a name, but not both", kind)
		}
	}
}

// A report's parts share its room; nobody may write into it by appending to a copy.
func TestDecode_copiesOfAnInventoryAreApart(t *testing.T) {
	t.Parallel()
	report, _ := sample1(t)
	a, b := report.Inventory, report.Inventory
	a.NICs = append(a.NICs, NIC{Bus: "A"})
	b.NICs = append(b.NICs, NIC{Bus: "B"})
	if a.NICs[2].Bus != "A" || b.NICs[2].Bus != "B" {
		t.Error("appending to one copy changed the other")
	}
}

func TestDecode_moreThanTheRoomHolds(t *testing.T) {
	t.Parallel()
	inv := Inventory{}
	for i := range byte(60) {
		inv.NICs = append(inv.NICs, NIC{MAC: MAC{0, 1 + i}, Bus: "PCI"})
	}
	report, _, err := DecodeText([]byte(base64.StdEncoding.EncodeToString(mustNew(t, inv).Encode())))
	if err != nil || len(report.Inventory.NICs) != 60 || len(report.Records) != 60 || len(report.Identity().MACs) != 60 {
		t.Fatalf("%v: adapters were lost", err)
	}
}
