package hardwarehash

// Report is a decoded hash. Records hold every byte, known or not, so Encode
// gives back exactly what was decoded; Inventory is the reading of them.
//
// A Report keeps referring to the bytes it was decoded from: they must not be
// changed while it lives.
type Report struct {
	Inventory Inventory
	Records   []Record
	Warnings  []Warning

	tail []byte // what stood behind the digest, if not only zeros
	size int    // of the input in bytes
}

// Decode reads a hash, with or without its zero tail, and verifies its digest.
// A refusal is always an *Error; what is merely odd becomes a warning.
func Decode(raw []byte) (*Report, error) {
	env, err := open(raw)
	if err != nil {
		return nil, err
	}
	p := parser{texts: string(raw[:env.declared]), warnings: env.warnings}
	p.readAll(env.records)
	return &Report{Inventory: p.inv, Records: env.records, Warnings: p.warnings, tail: env.tail, size: env.size}, nil
}

// Encode gives the bytes of the hash: the decoded ones for a decoded report,
// StandardRaw bytes for one made by New.
func (r *Report) Encode() []byte { return seal(r.Records, r.tail, r.size) }

// Text gives the hash in its usual text form.
func (r *Report) Text() string { return Text(r.Encode()) }

// New makes the report of an inventory, as a current tool would write it, with
// extra records behind the known ones. It refuses what does not fit a hash.
func New(inv Inventory, extra ...Record) (*Report, error) {
	return fromRecords(append(inv.records(), extra...))
}

func fromRecords(records []Record) (*Report, error) {
	length := headerLen + trailerLen
	for _, r := range records {
		length += headerLen + len(r.Data)
	}
	if length > StandardRaw {
		return nil, refuse(ReasonTooLong, 0, "The inventory needs %d bytes; a hash has %d.", length, StandardRaw)
	}
	return Decode(seal(records, nil, StandardRaw))
}
