package format

import (
	"io"

	"countersign/gateway/intake"
)

// JSON reads Partner Center's JSON bodies: the batch creation object, or the bare list
// of devices that is added to a batch. Names compare without case, members come in any
// order, unknown and null members are ignored, a member given twice is refused.
type JSON struct {
	list  *jsonList
	batch string
}

// NewJSON reads a batch creation object, or with bare the list of devices alone.
// maxBody is in bytes; 0 means DefaultMaxBody.
func NewJSON(body io.Reader, bare bool, maxBody int64) *JSON {
	j := &JSON{}
	s := shape{noun: "Device", list: "devices", object: true, want: "an object with batchId and devices", words: &deviceWords}
	if bare {
		s.object, s.bare, s.want = false, true, "the list of devices itself"
	}
	s.member = func(folded string) func(string) error {
		if folded != "batchid" {
			return nil
		}
		return func(text string) error { j.batch = text; return nil }
	}
	j.list = newJSONList(body, s, maxBody)
	return j
}

// NewDeviceList reads devices that belong to no batch: the list alone, or an object with
// a list of devices.
func NewDeviceList(body io.Reader, maxBody int64) *JSON {
	return &JSON{list: newJSONList(body, shape{
		noun: "Device", list: "devices", object: true, bare: true, words: &deviceWords,
		want: "the list of devices itself, or an object with devices", member: func(string) func(string) error { return nil },
	}, maxBody)}
}

// BatchName implements intake.Source.
func (j *JSON) BatchName() string { return j.batch }

// Digest implements intake.Source. It is nil when the body could not be read to its
// end; Failure then says why.
func (j *JSON) Digest() []byte { return j.list.in.digest() }

// Failure returns why the body could not be read to its end, if so.
func (j *JSON) Failure() error { return j.list.in.failure() }

// Lend implements intake.Lender.
func (j *JSON) Lend() { j.list.lent = new([]byte) }

// Next implements intake.Source.
func (j *JSON) Next() (intake.Row, error) { return j.list.next() }
