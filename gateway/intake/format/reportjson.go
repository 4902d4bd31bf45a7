package format

import (
	"io"

	"countersign/gateway/intake"
)

// ReportJSON reads a factory's build report in JSON: an object with
// customerReportUniqueId and keys, or the bare list of keys. The names of OA3's XML are
// taken as well (ProductKeyID, SoldToCustomerID). A soldTo beside the keys holds for all
// keys that state none; it has to stand before them.
type ReportJSON struct {
	list *jsonList
	head reportHead
}

// NewReportJSON reads a build report. maxBody is in bytes; 0 means DefaultMaxBody.
func NewReportJSON(body io.Reader, maxBody int64) *ReportJSON {
	r := &ReportJSON{}
	r.list = newJSONList(body, shape{
		noun: "Key", list: "keys", object: true, bare: true, words: &keyWords,
		want:   "an object with customerReportUniqueId and keys, or the list of keys itself",
		member: r.member,
		opened: func() { r.head.keys = true },
	}, maxBody)
	return r
}

func (r *ReportJSON) member(folded string) func(string) error {
	switch folded {
	case "customerreportuniqueid":
		return r.head.setID
	case "soldto", "soldtocustomerid":
		return r.head.setSoldTo
	}
	return nil
}

// ReportID implements intake.ReportSource.
func (r *ReportJSON) ReportID() string { return r.head.id }

// BatchName implements intake.Source: a build report belongs to no batch.
func (r *ReportJSON) BatchName() string { return "" }

// Digest implements intake.Source. It is nil when the body could not be read to its
// end; Failure then says why.
func (r *ReportJSON) Digest() []byte { return r.list.in.digest() }

// Failure returns why the body could not be read to its end, if so.
func (r *ReportJSON) Failure() error { return r.list.in.failure() }

// Next implements intake.Source.
func (r *ReportJSON) Next() (intake.Row, error) {
	row, err := r.list.next()
	return r.head.complete(row), err
}
