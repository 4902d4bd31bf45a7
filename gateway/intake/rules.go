package intake

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"

	"countersign/consent"
	"countersign/models"
	"countersign/registration/hardwarehash"
)

// checked is a row after the rules: what is stored of it and, when intake could
// judge it, its outcome.
type checked struct {
	ordinal  int
	identity models.DeviceIdentity // what may be kept; Hash only while the row is open
	digest   []byte                // SHA-256 of the hash bytes
	order    models.OrderData
	warnings []string
	verdict  *verdict
	device   models.DeviceID  // of a removal
	replaces models.DeviceID  // of a replacement
	soldTo   models.PartnerID // of a build report
	returned bool             // of a build report
}

// rules checks the rows of one upload in input order.
type rules struct {
	kind     models.PartnerKind
	defaults models.OrderData
	seen     *seen
	report   bool // the rows are keys of a build report
	owner    bool // the tenant registers its own
	repair   bool // the row is what a registered device is now
	limits   consent.Limits
	scratch  []byte // of the hash that is being decoded
}

// check never fails: a broken row is an outcome of that row.
func (r *rules) check(ordinal int, in Row) checked {
	out := checked{ordinal: ordinal}
	c := &cells{}
	for _, w := range in.Warnings {
		c.warnings = append(c.warnings, sentence(w))
	}
	if in.Unreadable != "" {
		c.refuse(refusal(models.OutcomeUnreadableRow, "%s", sentence(in.Unreadable)))
	}
	out.identity = models.DeviceIdentity{
		SerialNumber: c.serial(in.SerialNumber),
		ProductKey:   c.productKey(in.ProductKey),
		Manufacturer: c.text("oemManufacturerName", in.Manufacturer),
		Model:        c.text("modelName", in.Model),
	}
	hash := r.hash(c, in)
	in.KeyState = c.text("productKeyState", in.KeyState)
	out.order = c.order(in.Order).Merge(r.defaults)
	switch {
	case c.refused != nil:
	case r.report:
		c.refused = r.judgeKey(&out, c, hash, in)
	default:
		c.refused = r.judge(&out, c, hash, in.HasPolicies)
	}
	out.verdict, out.warnings = c.refused, c.warnings
	if out.verdict != nil {
		out.identity.Hash = nil // only rows in flight keep their bytes
	}
	return out
}

// judge applies the rules to a row whose cells are sound.
func (r *rules) judge(out *checked, c *cells, hash []byte, policies bool) *verdict {
	if r.kind == models.OEM && len(hash) > 0 && !r.repair {
		return refusal(models.OutcomeMissingIdentifier, "A manufacturer registers by serial number, manufacturer and model, or by product key id. Send a build report for the hardware hash.")
	}
	if r.repair && len(hash) == 0 {
		return refusal(models.OutcomeMissingIdentifier, "A repaired device is named by the hardware hash captured after the repair; there is none.")
	}
	if r.owner && len(hash) == 0 {
		return refusal(models.OutcomeMissingIdentifier, "A customer registers its own devices by hardware hash only; the row has none.")
	}
	var inside *hardwarehash.Identity
	if len(hash) > 0 {
		var v *verdict
		if inside, v = decodeHash(out, c, hash); v != nil {
			return v
		}
		if v = contradiction(out.identity, inside); v != nil {
			return v
		}
		noteOtherNames(c, out.identity, inside)
	}
	if out.identity.Combination() == models.NoCombination {
		return missing(out.identity, r.kind)
	}
	if policies {
		return refusal(models.OutcomeUnknownProfile, "The row assigns a profile, but this customer has none. Send the row without policies.")
	}
	if outside := r.limits.Refuse(out.order); outside != "" {
		return refusal(models.OutcomeConsentLimit, "%s", outside)
	}
	return r.once(strongestKey(out.identity, inside), out.ordinal)
}

// once lets the first row of a device through.
func (r *rules) once(key deviceKey, ordinal int) *verdict {
	if first := r.seen.before(key, ordinal); first != 0 {
		return refusal(models.OutcomeDuplicated, "The same device stands in row %d of this upload; that row is processed.", first)
	}
	return nil
}

// hash is the text of the hash, in memory that the next row takes over.
func (r *rules) hash(c *cells, in Row) []byte {
	if printable(in.HashText) {
		return in.HashText // nothing about it could be said but by its decoder
	}
	if len(in.HashText) > 0 {
		in.HardwareHash = string(in.HashText)
	}
	r.scratch = append(r.scratch[:0], c.text("hardwareHash", in.HardwareHash)...)
	return r.scratch
}

// printable reports whether a text is not empty, fits into a cell and holds nothing but
// printable ASCII without blanks. It looks at eight bytes at once: a hash has thousands.
func printable(text []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	if len(text) == 0 || len(text) > MaxCell {
		return false
	}
	rest := text
	for ; len(rest) >= 8; rest = rest[8:] {
		word := binary.LittleEndian.Uint64(rest)
		// A byte below '!' borrows, one above '~' carries, and one of 128 or more has its top
		// bit set anyway; what else these set is never in a byte that is printable.
		if ((word-ones*'!')|(word+ones)|word)&tops != 0 {
			return false
		}
	}
	for _, b := range rest {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}

// decodeHash keeps the bytes of a sound hash on the row and returns what they say.
func decodeHash(out *checked, c *cells, text []byte) (*hardwarehash.Identity, *verdict) {
	report, raw, err := hardwarehash.DecodeText(text)
	if err != nil {
		return nil, invalidHash(err)
	}
	for _, w := range report.Warnings {
		c.warn("hardwareHash: %s", sentence(w.Detail))
	}
	digest := sha256.Sum256(raw)
	out.identity.Hash, out.digest = raw, digest[:]
	id := report.Identity()
	return &id, nil
}

func invalidHash(err error) *verdict {
	var refused *hardwarehash.Error
	if !errors.As(err, &refused) {
		return refusal(models.OutcomeInvalidHash, "hardwareHash could not be decoded.")
	}
	return refusal(models.OutcomeInvalidHash, "hardwareHash was refused (%s): %s", refused.Reason, sentence(refused.Detail))
}

// contradiction finds a row that states another serial or product key id than its
// own hash: a file sorted by one column must not bind the wrong machine. A value
// that the hash does not state, or states as a placeholder, never contradicts.
func contradiction(row models.DeviceIdentity, inside *hardwarehash.Identity) *verdict {
	serial := hardwarehash.CleanText(row.SerialNumber)
	if serial != "" && inside.Serial != "" && serial != inside.Serial {
		return mismatch("serialNumber", row.SerialNumber, inside.Serial)
	}
	if row.ProductKey != "" && inside.ProductKeyID != "" && row.ProductKey != inside.ProductKeyID {
		return mismatch("productKey", row.ProductKey, inside.ProductKeyID)
	}
	return nil
}

func mismatch(name, stated, inside string) *verdict {
	cause := "Check that the columns of the file still belong together."
	if looksLikeDate(stated) {
		cause = "It looks like a date that a spreadsheet made of the real value: format the column as text and fill it in again."
	}
	return refusal(models.OutcomeIdentityMismatch, "%s is %q, but the hardware hash of this row states %q. %s", name, stated, sentence(inside), cause)
}

// noteOtherNames warns about marketing names; they are common and harmless.
func noteOtherNames(c *cells, row models.DeviceIdentity, inside *hardwarehash.Identity) {
	for _, n := range []struct{ name, stated, inside string }{
		{"oemManufacturerName", row.Manufacturer, inside.Manufacturer},
		{"modelName", row.Model, inside.Product},
	} {
		if n.stated != "" && n.inside != "" && !strings.EqualFold(n.stated, n.inside) {
			c.warn("%s is %q; the hardware hash states %q, which counts.", n.name, n.stated, sentence(n.inside))
		}
	}
}

// missing says what a row without a usable combination lacks.
func missing(id models.DeviceIdentity, kind models.PartnerKind) *verdict {
	lacks := "serialNumber, oemManufacturerName and modelName, or productKey"
	if kind != models.OEM {
		lacks += ", or hardwareHash"
	}
	if id.SerialNumber == "" {
		return refusal(models.OutcomeMissingIdentifier, "The row names no device. Fill in %s.", lacks)
	}
	var absent []string
	if id.Manufacturer == "" {
		absent = append(absent, "oemManufacturerName")
	}
	if id.Model == "" {
		absent = append(absent, "modelName")
	}
	return refusal(models.OutcomeMissingIdentifier, "The serial number alone names no device; %s missing. Fill in %s.", strings.Join(absent, " and ")+verb(len(absent)), lacks)
}

func verb(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}
