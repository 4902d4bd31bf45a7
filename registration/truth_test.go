package registration_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// scenario is a row of the truth table, played with real hashes. What stands in
// the table as "own" is registered to acme; a donor is registered to bolt.
type scenario struct {
	name    string
	own     func(inv *hardwarehash.Inventory)        // how own looked when it was registered; nil: whole
	change  func(inv *hardwarehash.Inventory, p set) // what became of it
	donor   fate
	verdict string // "match", "new" or the reason for attention
}

// set is what a scenario may take parts from: the donor, a device that nobody ever
// saw, and the whole of own.
type set struct{ own, donor, stock hardwarehash.Inventory }

// fate is what became of a donor's registration before its part is used.
type fate int

const (
	noDonor fate = iota
	stays
	removedFirst
)

func noTPM(inv *hardwarehash.Inventory) { inv.EKPub, inv.OfflineID = nil, nil }

func takeTPM(inv *hardwarehash.Inventory, from hardwarehash.Inventory) {
	inv.EKPub, inv.OfflineID = from.EKPub, from.OfflineID
}

func takeDisk(inv *hardwarehash.Inventory, from hardwarehash.Inventory) {
	inv.Disks, inv.SystemDisk = from.Disks, from.SystemDisk
}

func takeBoard(inv *hardwarehash.Inventory, from hardwarehash.Inventory) {
	takeTPM(inv, from)
	inv.UUID, inv.NICs = from.UUID, from.NICs
}

func addAdapter(inv *hardwarehash.Inventory, from hardwarehash.Inventory) {
	inv.NICs = append(slices.Clone(inv.NICs), from.NICs[0])
}

// truthTable is the truth table but for its last two rows, which are the test's own:
// every row is played by another tenant too, and with the device twice in one upload.
var truthTable = []scenario{
	{"01 recaptured later", nil, nil, noDonor, "match"},
	{"02 memory swapped", nil, func(inv *hardwarehash.Inventory, _ set) { m := *inv.Memory; m.PhysicalGB *= 2; inv.Memory = &m }, noDonor, "match"},
	{"03 system disk new", nil, func(inv *hardwarehash.Inventory, p set) { takeDisk(inv, p.stock) }, noDonor, "match"},
	{"04 disk of an active device", nil, func(inv *hardwarehash.Inventory, p set) { takeDisk(inv, p.donor) }, stays, "shared-part"},
	{"05 the same, donor removed first", nil, func(inv *hardwarehash.Inventory, p set) { takeDisk(inv, p.donor) }, removedFirst, "match"},
	{"06 one adapter replaced", nil, func(inv *hardwarehash.Inventory, p set) {
		inv.NICs = []hardwarehash.NIC{inv.NICs[0], p.stock.NICs[1]}
	}, noDonor, "match"},
	{"07 add-in adapter from stock", nil, func(inv *hardwarehash.Inventory, p set) { addAdapter(inv, p.stock) }, noDonor, "match"},
	{"08 add-in adapter of an active device", nil, func(inv *hardwarehash.Inventory, p set) { addAdapter(inv, p.donor) }, stays, "shared-part"},
	{"09 disk and every adapter replaced", nil, func(inv *hardwarehash.Inventory, p set) { takeDisk(inv, p.stock); inv.NICs = p.stock.NICs }, noDonor, "match"},
	{"10 board replaced, nothing rewritten", nil, func(inv *hardwarehash.Inventory, p set) {
		takeBoard(inv, p.stock)
		inv.System.Serial = p.stock.System.Serial
	}, noDonor, "new"},
	{"11 board replaced, serial rewritten", nil, func(inv *hardwarehash.Inventory, p set) { takeBoard(inv, p.stock) }, noDonor, "board-or-tpm-changed"},
	{"12 board replaced, serial and UUID rewritten", nil, func(inv *hardwarehash.Inventory, p set) { takeTPM(inv, p.stock); inv.NICs = p.stock.NICs }, noDonor, "board-or-tpm-changed"},
	{"13 board and TPM new, second adapter kept", nil, func(inv *hardwarehash.Inventory, p set) {
		takeBoard(inv, p.stock)
		addAdapter(inv, p.own)
	}, noDonor, "board-or-tpm-changed"},
	{"14 board of an active device", nil, func(inv *hardwarehash.Inventory, p set) { takeBoard(inv, p.donor) }, stays, "split-identity"},
	{"15 the same, donor removed first", nil, func(inv *hardwarehash.Inventory, p set) { takeBoard(inv, p.donor) }, removedFirst, "board-or-tpm-changed"},
	{"16 discrete TPM replaced", nil, func(inv *hardwarehash.Inventory, p set) { takeTPM(inv, p.stock) }, noDonor, "board-or-tpm-changed"},
	{"17 processor with firmware TPM swapped", nil, func(inv *hardwarehash.Inventory, p set) {
		takeTPM(inv, p.stock)
		inv.ProcessorModel = "Another processor"
	}, noDonor, "board-or-tpm-changed"},
	{"18 TPM off", nil, func(inv *hardwarehash.Inventory, _ set) { noTPM(inv) }, noDonor, "match"},
	{"19 no TPM ever", noTPM, func(inv *hardwarehash.Inventory, _ set) { noTPM(inv) }, noDonor, "match"},
	{"20 serial wiped", nil, func(inv *hardwarehash.Inventory, _ set) { inv.System.Serial = "System Serial Number" }, noDonor, "match"},
	{"21 two machines with one serial", nil, func(inv *hardwarehash.Inventory, p set) {
		system := inv.System
		*inv = p.stock
		inv.System = system
	}, noDonor, "serial-collision"},
	{"22 default UUID", func(inv *hardwarehash.Inventory) { inv.UUID = defaultUUID() }, func(inv *hardwarehash.Inventory, _ set) { inv.UUID = defaultUUID() }, noDonor, "match"},
	{"23 cloned virtual machine", nil, func(inv *hardwarehash.Inventory, p set) { inv.NICs = p.stock.NICs }, noDonor, "match"},
	{"24 virtual machine made afresh", nil, func(inv *hardwarehash.Inventory, p set) { *inv = p.stock; inv.Disks, inv.SystemDisk = nil, nil }, noDonor, "new"},
}

// defaultUUID is what boards carry whose maker set none.
func defaultUUID() *hardwarehash.UUID {
	return &hardwarehash.UUID{3, 0, 2, 0, 4, 0, 5, 0, 0, 6, 0, 7, 0, 8, 0, 9}
}

// The rows are played one after another into one core, so that each meets the
// devices of all before it.
func TestTruthTableThroughTheCore(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(300)
		for _, s := range truthTable {
			t.Run(s.name, func(t *testing.T) {
				c.t = t
				c.play(s, g)
			})
		}
	})
}

func (c core) play(s scenario, g *hardwarehash.Generator) {
	c.t.Helper()
	own, donor := g.Next().Report, g.Next().Report
	parts := set{own: own.Inventory, donor: donor.Inventory, stock: g.Next().Report.Inventory}
	if s.own != nil {
		own = edited(c.t, own, s.own)
	}
	first := c.one(granted(oak, acme), hash(own))
	if s.donor != noDonor {
		id := c.one(granted(elm, bolt), hash(donor)).DeviceID
		if s.donor == removedFirst {
			c.remove(removal(granted(elm, bolt), id))
		}
	}
	subject := own
	if s.change != nil {
		subject = edited(c.t, own, func(inv *hardwarehash.Inventory) { s.change(inv, parts) })
	}
	before := [2]int64{c.count(acme), c.count(bolt)}
	twice := func(seed uint64) []models.DeviceIdentity {
		return []models.DeviceIdentity{hash(recapture(c.t, subject, seed)), hash(recapture(c.t, subject, seed+1))}
	}
	switch s.verdict {
	case "match":
		c.wantOne(c.register(submit(granted(elm, bolt), twice(1)...)), "808", "9005")
		mine := c.register(submit(granted(oak, acme), twice(3)...))
		c.wantOne(mine, "806", "9005")
		if mine[0].DeviceID != first.DeviceID {
			c.t.Errorf("recognised as %s, want %s", mine[0].DeviceID, first.DeviceID)
		}
	case "new":
		c.wantOne(c.register(submit(granted(oak, acme), twice(3)...)), "-", "9005")
		c.wantOne(c.register(submit(granted(elm, bolt), twice(1)...)), "808", "9005")
		before[0]++
	default:
		c.needsAttention(s, twice(1))
	}
	if after := [2]int64{c.count(acme), c.count(bolt)}; after != before {
		c.t.Errorf("the tenants have %v devices, want %v", after, before)
	}
	wantCodes(c.t, "own as it was", c.register(submit(granted(oak, acme), hash(own))), "806")
}

// needsAttention: both tenants are refused, and each hears who must decide.
func (c core) needsAttention(s scenario, captures []models.DeviceIdentity) {
	c.t.Helper()
	for _, a := range []models.Authority{granted(elm, bolt), granted(oak, acme)} {
		who := "The customer must decide."
		if a.TenantID == bolt || s.donor == stays {
			who = "An operator of the registration service must decide."
		}
		known := c.live()
		answers := c.register(submit(a, captures...))
		c.wantOne(answers, "9003", "9003")
		wantSame(c.t, "what is known after an attention", c.live(), known)
		if d := answers[0].Detail; !strings.Contains(d, who) || !strings.Contains(d, "("+s.verdict+")") {
			c.t.Errorf("%s is told %q, want %q and %s", a.TenantID, d, who, s.verdict)
		}
	}
}

// wantOne compares codes, and fails if an answer says whose a device is.
func (c core) wantOne(answers []models.Answer, want ...string) {
	c.t.Helper()
	wantCodes(c.t, "the row and its repetition", answers, want...)
	for _, a := range answers {
		for _, secret := range []string{string(acme), string(bolt), string(oak), string(elm)} {
			if strings.Contains(a.Detail, secret) {
				c.t.Errorf("the answer names %s: %q", secret, a.Detail)
			}
		}
		if (a.Code == models.OutcomeOtherTenant || a.Code == models.OutcomeNeedsAttention) && a.DeviceID != "" {
			c.t.Errorf("the answer names device %s", a.DeviceID)
		}
	}
}
