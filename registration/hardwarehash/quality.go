package hardwarehash

// The codes of quality warnings.
const (
	QualityMissing     = "critical_missing"     // the field is absent or blank
	QualityPlaceholder = "critical_placeholder" // the field holds a text or number that firmware ships with
	QualityNotFullOS   = "not_full_os"          // captured in Windows PE, which sees fewer parts
)

// Quality lists what is wrong with the fields that OA3Tool /ValidateHwHash calls
// critical: those that recognising the device later depends on. An empty list is
// the goal of every factory. Validate says more.
func (r *Report) Quality() []Warning {
	var out []Warning
	for _, c := range r.critical() {
		switch c.State {
		case FieldMissing:
			out = append(out, Warning{Code: QualityMissing, Field: c.Field, Detail: "The hash does not state this value."})
		case FieldPlaceholder:
			out = append(out, Warning{Code: QualityPlaceholder, Field: c.Field, Detail: "The value is a placeholder and does not tell this device from others."})
		}
	}
	if c := r.Inventory.Capture; c != nil && c.OSType != OSTypeFull {
		out = append(out, Warning{Code: QualityNotFullOS, Field: "OSType", Detail: "The hash was captured outside the full operating system, where some parts are not seen."})
	}
	return out
}
