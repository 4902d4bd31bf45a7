package hardwarehash

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each repair changes what it should in the identity, and nothing else.
func TestRepairDevice_changesOnlyThePart(t *testing.T) {
	t.Parallel()
	own := NewGenerator(31).Next().Report
	donor := NewGenerator(32).Next().Report
	was, others := own.Identity(), donor.Identity()
	onlyNIC := func(got Identity) bool {
		return len(got.MACs) == len(was.MACs) && !cmp.Equal(got.MACs, was.MACs)
	}
	for _, c := range []struct {
		name   string
		repair Repair
		want   func(id *Identity) // makes the old identity the new one
		check  func(got Identity) bool
	}{
		{"recapture", Repair{Kind: RepairNone}, func(*Identity) {}, nil},
		{"memory", Repair{Kind: RepairMemory}, func(*Identity) {}, nil},
		{"disk", Repair{Kind: RepairDisk}, nil, func(got Identity) bool { return got.SystemDisk != was.SystemDisk && got.SystemDisk != "" }},
		{"nic", Repair{Kind: RepairNIC}, nil, onlyNIC},
		{"tpm", Repair{Kind: RepairTPM}, nil, func(got Identity) bool { return got.EK != was.EK && got.UUID == was.UUID }},
		{"board", Repair{Kind: RepairBoard}, nil, func(got Identity) bool {
			return got.EK != was.EK && got.UUID != was.UUID && got.Serial != was.Serial && got.SystemDisk == was.SystemDisk && onlyNIC(got)
		}},
		{"board, serial kept", Repair{Kind: RepairBoard, KeepSerial: true}, nil, func(got Identity) bool {
			return got.EK != was.EK && got.UUID != was.UUID && got.Serial == was.Serial && onlyNIC(got)
		}},
		{"board, all kept", Repair{Kind: RepairBoard, KeepSerial: true, KeepUUID: true, KeepNICs: true}, nil, func(got Identity) bool {
			return got.EK != was.EK && got.UUID == was.UUID && got.Serial == was.Serial && cmp.Equal(got.MACs, was.MACs)
		}},
		{"donor disk", Repair{Kind: RepairDonor, Donor: donor, Part: RepairDisk}, func(id *Identity) { id.SystemDisk = others.SystemDisk }, nil},
		{"donor board", Repair{Kind: RepairDonor, Donor: donor, Part: RepairBoard}, func(id *Identity) {
			disk := id.SystemDisk
			*id = others
			id.SystemDisk = disk
		}, nil},
		{"donor board, serial kept", Repair{Kind: RepairDonor, Donor: donor, Part: RepairBoard, KeepSerial: true}, func(id *Identity) {
			id.EK, id.UUID, id.MACs = others.EK, others.UUID, others.MACs
		}, nil},
		{"donor adapter", Repair{Kind: RepairDonor, Donor: donor, Part: RepairNIC}, nil, onlyNIC},
	} {
		after, err := RepairDevice(own, c.repair, 9)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := after.Identity()
		if c.want != nil {
			want := was
			c.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
		}
		if c.check != nil && !c.check(got) {
			t.Errorf("%s: %+v", c.name, got)
		}
		if !after.Inventory.Capture.Time.After(own.Inventory.Capture.Time) {
			t.Errorf("%s: captured before the device was", c.name)
		}
		again, err := RepairDevice(own, c.repair, 9)
		if err != nil || !bytes.Equal(again.Encode(), after.Encode()) {
			t.Errorf("%s: the same seed gave another hash (%v)", c.name, err)
		}
		other, err := RepairDevice(own, c.repair, 10)
		if err != nil || bytes.Equal(other.Encode(), after.Encode()) {
			t.Errorf("%s: another seed gave the same hash (%v)", c.name, err)
		}
	}
	if diff := cmp.Diff(was, own.Identity()); diff != "" {
		t.Errorf("a repair changed the device it began with:\n%s", diff)
	}
}

// The parts are new even if the device came from a generator of the same seed.
func TestRepairDevice_sameSeedAsTheDevice(t *testing.T) {
	t.Parallel()
	device := NewGenerator(9).Next().Report
	after, err := RepairDevice(device, Repair{Kind: RepairBoard}, 9)
	if err != nil {
		t.Fatal(err)
	}
	a, b := device.Identity(), after.Identity()
	if a.Serial == b.Serial || a.EK == b.EK || a.UUID == b.UUID {
		t.Error("the new board is the old one")
	}
}

func TestRepairDevice_refusals(t *testing.T) {
	t.Parallel()
	bare := mustNew(t, Inventory{})
	device := NewGenerator(33).Next().Report
	for _, c := range []struct {
		name   string
		device *Report
		repair Repair
		want   error
	}{
		{"no adapter", bare, Repair{Kind: RepairNIC}, ErrNoPart},
		{"no memory", bare, Repair{Kind: RepairMemory}, ErrNoPart},
		{"no donor", device, Repair{Kind: RepairDonor, Part: RepairDisk}, ErrNoDonor},
		{"no part", device, Repair{Kind: RepairDonor, Donor: device}, ErrNoDonor},
		{"donor without disk", device, Repair{Kind: RepairDonor, Donor: bare, Part: RepairDisk}, ErrNoPart},
		{"donor without adapter", device, Repair{Kind: RepairDonor, Donor: bare, Part: RepairNIC}, ErrNoPart},
	} {
		if _, err := RepairDevice(c.device, c.repair, 1); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := RepairDevice(device, Repair{Kind: "wheel"}, 1); err == nil {
		t.Error("an unknown repair was done")
	}
	full := mustNew(t, Inventory{SystemDisk: &Disk{}}, Record{Type: 99, Data: make([]byte, 2900)})
	if _, err := RepairDevice(full, Repair{Kind: RepairBoard}, 1); ReasonOf(err) != ReasonTooLong {
		t.Errorf("a hash without room: %v", err)
	}
}

func TestRepairDevice_keepsUnknownRecords(t *testing.T) {
	t.Parallel()
	report := mustNew(t, NewGenerator(34).Next().Report.Inventory, Record{Type: 35, Data: []byte{2, 255, 7}})
	after, err := RepairDevice(report, Repair{Kind: RepairDisk}, 1)
	if err != nil || fieldValue(after, "Record 35") != "02ff07" {
		t.Errorf("%v: record 35 was lost", err)
	}
}
