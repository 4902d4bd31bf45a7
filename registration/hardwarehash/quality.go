package hardwarehash

// The codes of quality warnings.
const (
	QualityMissing     = "critical_missing"     // the field is absent or blank
	QualityPlaceholder = "critical_placeholder" // the field holds a text or number that firmware ships with
	QualityNotFullOS   = "not_full_os"          // captured in Windows PE, which sees fewer parts
)

// Quality lists what is wrong with the fields that OA3Tool /ValidateHwHash calls
// critical: those that recognising the device later depends on. An empty list is
// the goal of every factory.
func (r *Report) Quality() []Warning { return r.QualityWith(r.Identity()) }

// QualityWith is Quality for a caller that has taken r.Identity already.
func (r *Report) QualityWith(id Identity) []Warning {
	inv := &r.Inventory
	var out []Warning
	check := func(field string, present, usable bool) {
		switch {
		case !present:
			out = append(out, Warning{Code: QualityMissing, Field: field, Detail: "The hash does not state this value."})
		case !usable:
			out = append(out, Warning{Code: QualityPlaceholder, Field: field, Detail: "The value is a placeholder and does not tell this device from others."})
		}
	}
	text := func(field, value string) { check(field, dropControls(value) != "", CleanText(value) != "") }

	check("DiskSerialNumber", inv.SystemDisk != nil || len(inv.Disks) > 0, id.SystemDisk != "")
	check("TPMVersion", inv.TPMVersion != "", true)
	check("EkPubHash", len(inv.EKPub) > 0 || inv.OfflineID != nil && inv.OfflineID.Kind == KindTPM, id.EK != Digest{})
	check("MacAddress", len(inv.NICs) > 0, len(id.MACs) > 0)
	check("ProductKeyID", inv.ProductKeyID != "", id.ProductKeyID != "")
	text("SmbiosSystemFamily", inv.System.Family)
	text("SmbiosSystemManufacturer", inv.System.Manufacturer)
	text("SmbiosSystemProductName", inv.System.Product)
	text("SmbiosSystemSerialNumber", inv.System.Serial)
	check("SmbiosUuid", inv.UUID != nil, id.UUID != UUID{})
	if inv.Capture != nil && inv.Capture.OSType != OSTypeFull {
		out = append(out, Warning{Code: QualityNotFullOS, Field: "OSType", Detail: "The hash was captured outside the full operating system, where some parts are not seen."})
	}
	return out
}
