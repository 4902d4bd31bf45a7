package hardwarehash

import (
	"strings"
	"testing"
)

func TestValidate_sample1(t *testing.T) {
	t.Parallel()
	report, _ := sample1(t)
	v := report.Validate()
	if !v.Valid {
		t.Errorf("a sound hash is not valid: %+v", v.Checks)
	}
	var critical, important int
	for _, c := range v.Checks {
		if c.State != FieldOK {
			t.Errorf("%s is %s", c.Field, c.State)
		}
		if c.Class == Critical {
			critical++
		} else {
			important++
		}
	}
	if critical != 10 || important != 10 {
		t.Errorf("%d critical and %d important fields", critical, important)
	}
	if len(v.Warnings) != 1 || v.Warnings[0].Code != RuleTool { // build 16237 is before 16288
		t.Errorf("warnings %+v", v.Warnings)
	}
}

func TestValidate_inventedDevicesPass(t *testing.T) {
	t.Parallel()
	g := NewGenerator(5)
	for range 50 {
		v := g.Next().Report.Validate()
		if !v.Valid || len(v.Warnings) != 0 {
			t.Fatalf("%+v", v)
		}
		for _, c := range v.Checks {
			if c.State != FieldOK && c.State != FieldNotExpected {
				t.Fatalf("%+v", c)
			}
		}
	}
}

func TestValidate_faults(t *testing.T) {
	t.Parallel()
	sound := NewGenerator(6).Next().Report.Inventory
	for _, c := range []struct {
		name   string
		change func(inv *Inventory)
		extra  []Record
		field  string
		state  FieldState // empty: still ok
		code   string     // of a warning
		valid  bool
	}{
		{"no TPM", func(i *Inventory) { i.TPMVersion, i.EKPub, i.OfflineID = "", nil, nil }, nil, "EkPubHash", FieldMissing, RuleEKCount, false},
		{"placeholder serial", func(i *Inventory) { i.System.Serial = "To be filled by O.E.M." }, nil, "SmbiosSystemSerialNumber", FieldPlaceholder, "", false},
		{"no memory", func(i *Inventory) { i.Memory = nil }, nil, "TotalPhysicalRAM", FieldMissing, "", true},
		{"notebook without display", func(i *Inventory) { i.Chassis = &Chassis{Type: 0x0A}; i.Display = nil }, nil, "DisplaySizePhysicalH", FieldMissing, "", true},
		{"desktop without display", func(i *Inventory) { i.Chassis = &Chassis{Type: 0x03}; i.Display = nil }, nil, "DisplaySizePhysicalH", FieldNotExpected, "", true},
		{"no SKU", func(i *Inventory) { i.System.SKU = "Default string" }, nil, "", "", RuleMinimum, true},
		{"long maker", func(i *Inventory) { i.System.Manufacturer = strings.Repeat("x", 33) }, nil, "", "", RuleLength, true},
		{"server chassis", func(i *Inventory) { i.Chassis = &Chassis{Type: 0x17} }, nil, "", "", RuleChassis, true},
		{"eleven adapters", func(i *Inventory) { i.NICs = make([]NIC, 11); i.NICs[0].MAC = MAC{0, 1} }, nil, "", "", RuleAdapters, true},
		{"two keys", func(*Inventory) {}, []Record{{typeEKPub, []byte{1}}}, "", "", RuleEKCount, true},
		{"no capacity", func(i *Inventory) { i.Drives = []Drive{{Bus: 17}} }, nil, "DiskCapacity", FieldMissing, RuleDiskSize, true},
		{"Windows PE", func(i *Inventory) { c := *i.Capture; c.OSType = OSTypePE; i.Capture = &c }, nil, "", "", RuleNotFullOS, true},
	} {
		inv := sound
		c.change(&inv)
		v := mustNew(t, inv, c.extra...).Validate()
		if v.Valid != c.valid {
			t.Errorf("%s: valid is %v", c.name, v.Valid)
		}
		for _, check := range v.Checks {
			if check.Field == c.field && check.State != c.state {
				t.Errorf("%s: %s is %s, want %s", c.name, c.field, check.State, c.state)
			}
		}
		if c.code != "" && (len(v.Warnings) == 0 || v.Warnings[0].Code != c.code) {
			t.Errorf("%s: warnings %v, want %s", c.name, v.Warnings, c.code)
		}
	}
}
