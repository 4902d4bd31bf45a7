package hardwarehash

// Report is a decoded hash. Records hold every byte, known or not, so Encode
// gives back exactly what was decoded; Inventory is the reading of them.
//
// A Report is not changed once it is made; take a copy of the Inventory and New.
// It keeps referring to the bytes it was decoded from: they must not be
// changed while it lives.
type Report struct {
	Inventory Inventory
	Records   []Record
	Warnings  []Warning

	ek   Digest // of the endorsement key, computed once
	tail []byte // what stood behind the digest, if not only zeros
	size int    // of the input in bytes
}

// Decode reads a hash, with or without its zero tail, and verifies its digest.
// A refusal is always an *Error; what is merely odd becomes a warning.
func Decode(raw []byte) (*Report, error) {
	d := &decoded{}
	env, err := open(raw, d.records[:0:len(d.records)])
	if err != nil {
		return nil, err
	}
	d.Report = Report{Records: env.records, Warnings: env.warnings, tail: env.tail, size: env.size}
	p := parser{decoded: d, texts: string(raw[:env.declared])}
	p.readAll(env.records)
	return &d.Report, nil
}

// decoded is a report with the room its parts take in most devices, so that it is one
// allocation and not twenty. What does not fit moves out by itself.
type decoded struct {
	Report
	records   [40]Record
	drives    [2]Drive
	disks     [2]Disk
	nics      [4]NIC
	gpuMemory [2]GPUMemory
	gpus      [2]GPU

	capture    Capture
	processor  Processor
	memory     Memory
	systemDisk Disk
	display    Display
	displayCM  DisplaySize
	chassis    Chassis
	offlineID  OfflineID
	uuid       UUID
	language   Language
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
