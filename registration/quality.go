package registration

import (
	"slices"
	"time"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// qualityFields are the critical fields in the order of their bits. What is stored
// depends on it: new ones are appended.
var qualityFields = []string{
	"DiskSerialNumber", "TPMVersion", "EkPubHash", "MacAddress", "ProductKeyID", "SmbiosSystemFamily",
	"SmbiosSystemManufacturer", "SmbiosSystemProductName", "SmbiosSystemSerialNumber", "SmbiosUuid",
}

// Quality is what a hash was worth as evidence when a device was registered by it.
type Quality struct {
	TPMSeen      bool       // it states a TPM's endorsement key
	WindowsPE    bool       // captured outside the full operating system, which sees more parts
	Missing      []string   // critical fields that it does not state, in the factory tool's words
	Placeholders []string   // critical fields that hold what firmware ships with
	MadeAt       *time.Time // when the hash says it was captured
	Age          time.Duration
}

// qualityOf packs the evidence of a decoded hash, and says when it was captured.
func qualityOf(report *hardwarehash.Report, id hardwarehash.Identity) (models.HashQuality, *time.Time) {
	q := models.QualityKnown
	if id.EK != (hardwarehash.Digest{}) {
		q |= models.QualityTPMSeen
	}
	for _, w := range report.Quality() {
		bit := models.QualityFieldShift + 2*slices.Index(qualityFields, w.Field)
		switch w.Code {
		case hardwarehash.QualityNotFullOS:
			q |= models.QualityNotFullOS
		case hardwarehash.QualityMissing:
			q |= 1 << bit
		case hardwarehash.QualityPlaceholder:
			q |= 2 << bit
		}
	}
	if c := report.Inventory.Capture; c != nil && !c.Time.IsZero() {
		at := c.Time.UTC()
		return q, &at
	}
	return q, nil
}

// readQuality unpacks what qualityOf made; nil when there was no hash. The age is
// that of the hash when it was registered; one from the future has none.
func readQuality(reg *models.Registration) *Quality {
	if reg.Quality&models.QualityKnown == 0 {
		return nil
	}
	out := &Quality{
		TPMSeen: reg.Quality&models.QualityTPMSeen != 0, WindowsPE: reg.Quality&models.QualityNotFullOS != 0, MadeAt: reg.HashMadeAt,
	}
	for i, field := range qualityFields {
		bit := models.QualityFieldShift + 2*i
		if reg.Quality&(1<<bit) != 0 {
			out.Missing = append(out.Missing, field)
		}
		if reg.Quality&(2<<bit) != 0 {
			out.Placeholders = append(out.Placeholders, field)
		}
	}
	if reg.HashMadeAt != nil {
		out.Age = max(0, reg.RegisteredAt.Sub(*reg.HashMadeAt))
	}
	return out
}
