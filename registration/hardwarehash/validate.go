package hardwarehash

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// FieldClass says what a field is needed for.
type FieldClass string

// The classes of OA3Tool /ValidateHwHash.
const (
	Critical  FieldClass = "critical"  // recognising the device depends on it
	Important FieldClass = "important" // the price of the licence depends on it
)

// FieldState says how a field stands.
type FieldState string

// The states.
const (
	FieldOK          FieldState = "ok"
	FieldMissing     FieldState = "missing"
	FieldPlaceholder FieldState = "placeholder"  // a value that firmware ships with
	FieldNotExpected FieldState = "not_expected" // missing, and such a device has none
)

// FieldCheck is the result for one field.
type FieldCheck struct {
	Field string     `json:"field"`
	Class FieldClass `json:"class"`
	State FieldState `json:"state"`
	Value string     `json:"value,omitempty"` // as the hash states it
}

// Validation is what a factory asks before it ships: whether the fields are there.
type Validation struct {
	Valid    bool         `json:"valid"` // every critical field is ok
	Checks   []FieldCheck `json:"checks"`
	Warnings []Warning    `json:"warnings"` // rules a factory should keep; none makes a hash invalid
}

// The codes of factory rules.
const (
	RuleMinimum    = "minimum_field"  // a field of the published minimum is missing
	RuleLength     = "text_length"    // a text is longer than factories allow
	RuleChassis    = "chassis_type"   // not a computer's chassis
	RuleAdapters   = "adapter_count"  // not 1 to 10 adapters
	RuleEKCount    = "ek_count"       // not exactly one endorsement key
	RuleDiskSize   = "disk_capacity"  // not 1 to 65536 GB
	RuleTool       = "tool_too_old"   // captured by a tool older than factories may use
	RuleNotFullOS  = QualityNotFullOS // captured in Windows PE
	leastToolBuild = 16288
	mostDiskGB     = 65536
	mostAdapters   = 10
)

// Validate checks the fields that OA3Tool /ValidateHwHash checks, and the rules of the
// published minimum and of factories. A placeholder counts as missing.
func (r *Report) Validate() Validation {
	inv := &r.Inventory
	v := Validation{Checks: append(r.critical(), inv.important()...), Warnings: r.factoryRules()}
	v.Valid = true
	for _, c := range v.Checks {
		if c.Class == Critical && c.State != FieldOK {
			v.Valid = false
		}
	}
	return v
}

// critical checks the ten fields that recognising the device depends on.
func (r *Report) critical() []FieldCheck {
	inv, id := &r.Inventory, r.Identity()
	var out []FieldCheck
	check := func(field, value string, present, usable bool) {
		c := FieldCheck{Field: field, Class: Critical, State: FieldOK, Value: shown(value)}
		switch {
		case !present:
			c.State = FieldMissing
		case !usable:
			c.State = FieldPlaceholder
		}
		out = append(out, c)
	}
	text := func(field, value string) { check(field, value, dropControls(value) != "", CleanText(value) != "") }
	uuid, ek := "", ""
	if inv.UUID != nil {
		uuid = inv.UUID.String()
	}
	if id.EK != (Digest{}) {
		ek = id.EK.String()
	}
	check("DiskSerialNumber", inv.systemDisk().Text, inv.SystemDisk != nil || len(inv.Disks) > 0, id.SystemDisk != "")
	check("TPMVersion", inv.TPMVersion, inv.TPMVersion != "", true)
	check("EkPubHash", ek, len(inv.EKPub) > 0 || inv.OfflineID != nil && inv.OfflineID.Kind == KindTPM, id.EK != Digest{})
	check("MacAddress", addresses(inv.NICs), len(inv.NICs) > 0, len(id.MACs) > 0)
	check("ProductKeyID", inv.ProductKeyID, inv.ProductKeyID != "", id.ProductKeyID != "")
	text("SmbiosSystemFamily", inv.System.Family)
	text("SmbiosSystemManufacturer", inv.System.Manufacturer)
	text("SmbiosSystemProductName", inv.System.Product)
	text("SmbiosSystemSerialNumber", inv.System.Serial)
	check("SmbiosUuid", uuid, inv.UUID != nil, id.UUID != UUID{})
	return out
}

func addresses(nics []NIC) string {
	list := make([]string, 0, len(nics))
	for _, n := range nics {
		list = append(list, n.MAC.String())
	}
	return strings.Join(list, " ")
}

// shown takes out what would move a cursor.
func shown(s string) string {
	f := fields{}
	f.add("", s)
	return f.list[0].Value
}

// important checks what the price of a licence depends on.
func (inv *Inventory) important() []FieldCheck {
	var out []FieldCheck
	check := func(field, value string, state FieldState) {
		out = append(out, FieldCheck{Field: field, Class: Important, State: state, Value: shown(value)})
	}
	stated := func(field, value string, there bool) {
		if there {
			check(field, value, FieldOK)
			return
		}
		check(field, "", FieldMissing)
	}
	lines := map[string]string{}
	for _, list := range [][]xmlField{xmlHead, xmlDisplay} {
		for _, f := range list {
			if value, there := f.get(inv); there && value != absentText {
				lines[strings.TrimSpace(f.name)] = value
			}
		}
	}
	for _, field := range []string{"ChassisType", "DigitizerSupportID", "ProcessorModel", "TotalPhysicalRAM"} {
		stated(field, lines[field], lines[field] != "" && lines[field] != "0")
	}
	if len(inv.Drives) > 0 {
		stated("DiskType", inv.Drives[0].Type(), inv.Drives[0].Type() != "Unknown")
		stated("DiskCapacity", fmt.Sprint(inv.Drives[0].CapacityGB), inv.Drives[0].CapacityGB > 0)
	} else {
		stated("DiskType", "", false)
		stated("DiskCapacity", "", false)
	}
	for _, field := range []string{"DisplayResolutionHorizontal", "DisplayResolutionVertical", "DisplaySizePhysicalH", "DisplaySizePhysicalY"} {
		switch value := lines[field]; {
		case value != "" && value != "0":
			check(field, value, FieldOK)
		case inv.Chassis != nil && hasNoPanel[inv.Chassis.Type]:
			check(field, "", FieldNotExpected)
		default:
			check(field, "", FieldMissing)
		}
	}
	return out
}

// hasNoPanel lists chassis that come without a display: desktop, low profile, tower
// and its smaller kin, mini and stick PC.
var hasNoPanel = map[uint8]bool{0x03: true, 0x04: true, 0x05: true, 0x06: true, 0x07: true, 0x23: true, 0x24: true}

func (r *Report) factoryRules() []Warning {
	inv := &r.Inventory
	out := []Warning{}
	warn := func(code, field, format string, args ...any) {
		out = append(out, Warning{Code: code, Field: field, Detail: fmt.Sprintf(format, args...)})
	}
	if CleanText(inv.System.SKU) == "" {
		warn(RuleMinimum, "SmbiosSkuNumber", "The published minimum for Autopilot includes it, and it is missing or a placeholder.")
	}
	for _, t := range []struct {
		field, value string
		most         int
	}{
		{"SmbiosSystemManufacturer", inv.System.Manufacturer, 32},
		{"SmbiosSystemFamily", inv.System.Family, 64},
		{"SmbiosSystemProductName", inv.System.Product, 64},
		{"SmbiosBoardProduct", inv.Board.Product, 32},
		{"SmbiosSystemSerialNumber", inv.System.Serial, 128},
	} {
		if n := utf8.RuneCountInString(t.value); n > t.most {
			warn(RuleLength, t.field, "It has %d characters; factories allow %d.", n, t.most)
		}
	}
	if c := inv.Chassis; c != nil && !isComputer(c.Type) {
		warn(RuleChassis, "ChassisType", "0x%02X is no chassis of a PC that factories ship (03, 0A, 0D, 1E to 24).", c.Type)
	}
	if n := len(inv.NICs); n < 1 || n > mostAdapters {
		warn(RuleAdapters, "MacAddress", "There are %d network adapters; factories expect 1 to %d.", n, mostAdapters)
	}
	if n := r.count(typeEKPub); n != 1 {
		warn(RuleEKCount, "TPM EkPub", "There are %d endorsement keys; factories expect exactly one.", n)
	}
	for i, d := range inv.Drives {
		if d.CapacityGB < 1 || d.CapacityGB > mostDiskGB {
			warn(RuleDiskSize, diskPrefix(i)+"DiskCapacity", "%d GB is not between 1 and %d.", d.CapacityGB, mostDiskGB)
		}
	}
	if c := inv.Capture; c != nil {
		if c.OSType != OSTypeFull {
			warn(RuleNotFullOS, "OSType", "The hash was captured outside the full operating system, where some parts are not seen.")
		}
		if c.ToolVersion < 3 || c.Tool.Build < leastToolBuild {
			warn(RuleTool, "ToolBuild", "Version %d, build %d: factories use version 3, build %d or later.", c.ToolVersion, c.Tool.Build, leastToolBuild)
		}
	}
	return out
}

func isComputer(chassis uint8) bool {
	return chassis == 0x03 || chassis == 0x0A || chassis == 0x0D || chassis >= 0x1E && chassis <= 0x24
}

func (r *Report) count(kind uint16) int {
	n := 0
	for _, rec := range r.Records {
		if rec.Type == kind {
			n++
		}
	}
	return n
}
