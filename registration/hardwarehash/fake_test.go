package hardwarehash

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGenerator_sameSeedSameDevices(t *testing.T) {
	t.Parallel()
	a, b, other := NewGenerator(7), NewGenerator(7), NewGenerator(8)
	for range 20 {
		x, y, z := a.Next(), b.Next(), other.Next()
		if x.Hash() != y.Hash() {
			t.Fatal("one seed gave two devices")
		}
		if x.Hash() == z.Hash() || x.Report.Identity().Serial == z.Report.Identity().Serial {
			t.Fatal("two seeds gave one device")
		}
	}
}

func TestGenerator_identitiesAreThoseOfTheDevices(t *testing.T) {
	t.Parallel()
	whole, short := NewGenerator(11), NewGenerator(11)
	for range 20 {
		if diff := cmp.Diff(whole.Next().Report.Identity(), short.NextIdentity()); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestGenerator_devicesAreSoundAndDistinct(t *testing.T) {
	t.Parallel()
	g := NewGenerator(1)
	seen := map[string]bool{}
	once := func(kind, value string) {
		if value == "" || seen[kind+value] {
			t.Fatalf("%s %q is empty or came before", kind, value)
		}
		seen[kind+value] = true
	}
	for range 2000 {
		d := g.Next()
		report, raw, err := DecodeText([]byte(d.Hash()))
		if err != nil || len(report.Warnings) != 0 || len(report.Quality()) != 0 {
			t.Fatalf("%v %v %v", err, report.Warnings, report.Quality())
		}
		if len(d.Hash()) != StandardText || !bytes.Equal(Trim(report.Encode()), raw) {
			t.Fatalf("the hash has %d characters or changes when encoded", len(d.Hash()))
		}
		id := report.Identity()
		once("ek", id.EK.String())
		once("uuid", id.UUID.String())
		once("serial", id.Serial)
		once("disk", id.SystemDisk)
		once("key", id.ProductKeyID)
		if len(id.MACs) != 2 {
			t.Fatalf("adapters %v", id.MACs)
		}
		once("mac", id.MACs[0].String())
		once("mac", id.MACs[1].String())
	}
}

func TestRecapture_otherHashSameIdentity(t *testing.T) {
	t.Parallel()
	g := NewGenerator(2)
	for seed := range uint64(200) {
		report := g.Next().Report
		again, err := Recapture(report, seed)
		if err != nil {
			t.Fatal(err)
		}
		if again.Text() == report.Text() {
			t.Fatal("the hash is the same")
		}
		if diff := cmp.Diff(report.Identity(), again.Identity()); diff != "" {
			t.Fatalf("the identity changed:\n%s", diff)
		}
		if len(again.Inventory.NICs) != 3 || again.Inventory.Capture.Time.Equal(report.Inventory.Capture.Time) {
			t.Fatal("adapters or time did not change")
		}
	}
}

func TestRecapture_keepsUnknownRecords(t *testing.T) {
	t.Parallel()
	report := mustNew(t, Inventory{}, Record{Type: 35, Data: []byte{1, 2, 3}})
	again, err := Recapture(report, 1)
	if err != nil || fieldValue(again, "Record 35") != "010203" {
		t.Fatalf("%v %v", again, err)
	}
}

func TestRepairs_changeOnlyThePart(t *testing.T) {
	t.Parallel()
	g := NewGenerator(3)
	d := g.Next()
	before := d.Report.Identity()
	for name, c := range map[string]struct {
		after  Device
		expect func(id *Identity) // puts the old part back
	}{
		"disk":   {g.NewDisk(d), func(id *Identity) { id.SystemDisk = before.SystemDisk }},
		"nic":    {g.NewNIC(d, 1), func(id *Identity) { id.MACs = before.MACs }},
		"memory": {g.NewMemory(d), func(*Identity) {}},
		"tpm":    {g.NewTPM(d), func(id *Identity) { id.EK = before.EK }},
		"board": {g.NewBoard(d), func(id *Identity) {
			id.EK, id.UUID, id.Serial, id.MACs = before.EK, before.UUID, before.Serial, before.MACs
		}},
	} {
		id := c.after.Report.Identity()
		if name != "memory" && cmp.Equal(before, id) {
			t.Errorf("%s: nothing changed", name)
		}
		c.expect(&id)
		if diff := cmp.Diff(before, id); diff != "" {
			t.Errorf("%s: more than the part changed:\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(before, d.Report.Identity()); diff != "" {
		t.Errorf("a repair changed the device it started from:\n%s", diff)
	}
}
