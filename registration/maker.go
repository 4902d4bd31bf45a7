package registration

import (
	"fmt"
	"slices"
	"strings"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// otherMaker refuses a device whose manufacturer is outside the grant, before
// anything is said about what is known of it. A capture states its manufacturer; a
// product key id does not, and is judged by the device that was found.
func (d *deciding) otherMaker(f *finding, maker string) bool {
	if madeBy(d.authority.Manufacturers, maker) {
		return false
	}
	sentence := sentenceMakerUnnamed
	if f.statesMaker() || f.kind == claimTuple {
		sentence = fmt.Sprintf(sentenceMaker, f.device.Manufacturer)
	}
	f.close(models.OutcomeConsentLimit, sentence)
	return true
}

// statesMaker: a row that is no capture only says what device it means.
func (f *finding) statesMaker() bool { return f.kind == claimHash && f.device.Manufacturer != "" }

// madeBy reports whether the manufacturer is among those allowed; nil allows any.
func madeBy(allowed []string, maker string) bool {
	return len(allowed) == 0 || slices.ContainsFunc(allowed, func(name string) bool {
		return strings.EqualFold(hardwarehash.CleanText(name), maker)
	})
}
