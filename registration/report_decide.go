package registration

import (
	"fmt"
	"slices"

	"countersign/models"
	"countersign/registration/match"
)

// reported is what became of one row of a report so far.
type reported struct {
	*claim
	names  []string // what it states of S, K, E and U, as keys of statements
	at     *known   // the device, when it is known; nil with standing: a new one
	answer *models.Answer
	notes  []note
	reason match.Reason // of the notes
	rule   int          // that decided; 0 when it was not about hardware

	heard    bool // it is the factory's word, and stays so whatever became of the record
	late     bool // a newer word about one of its names is stored
	standing bool // no row of the dispatch is a newer word: the record is written
	overtook bool // of a returned key: an earlier row of the dispatch stated it
}

// reports judges the rows of one dispatch of an OEM's reports.
//
// The order of an OEM's reports is that of (tracking id, row). A record stands if
// and only if its report is the newest word of the OEM about every name in it;
// the names are the anchors S, E and U and the product key id K. So each row that
// is heard leaves a statement about its names, even if its record does not stand,
// and takes all older unregistered records of the OEM with its names out of the
// way: the same records stand whatever order dispatches are executed in. The
// OEM's own unregistered records therefore never speak against a row, only
// registered devices, records of others and devices without a record do.
type reports struct {
	by       models.PartnerID
	upload   models.TrackingID
	claims   []claim
	rows     []*reported
	known    keyIndex
	said     map[string]models.FactoryStatement
	captures map[int64][]byte // digests of the captures of the OEM's records
}

func newReports(sub models.Submission, claims []claim) *reports {
	d := &reports{by: sub.Authority.PartnerID, upload: sub.Upload, claims: claims}
	for i := range claims {
		d.rows = append(d.rows, &reported{claim: &claims[i], names: namesOf(&claims[i].device)})
	}
	return d
}

// namesOf are the keys of statements about a device.
func namesOf(i *models.Identity) []string {
	var names []string
	for _, k := range match.Keys(deviceOf(i)) {
		if k.Kind.IsAnchor() || k.Kind == match.ProductKeyID {
			names = append(names, k.Kind.String()+string(k.Local))
		}
	}
	return names
}

// names are the keys of all statements the rows are about.
func (d *reports) names() [][]byte {
	var all []string
	for _, f := range d.rows {
		all = append(all, f.names...)
	}
	slices.Sort(all)
	var out [][]byte
	for _, name := range slices.Compact(all) {
		out = append(out, []byte(name))
	}
	return out
}

// own reports whether a device is a live record of this OEM.
func (d *reports) own(k *known) bool { return k.onRecord() && k.ReportedBy == d.by }

// before orders reports: by acceptance, then by row.
func before(upload models.TrackingID, row int, than models.TrackingID, thanRow int) bool {
	return upload < than || upload == than && row < thanRow
}

// newer reports whether a device's record is of a newer report than a row.
func (d *reports) newer(k *known, f *reported) bool {
	return before(d.upload, f.row.Row, k.ReportTrackingID, k.ReportRow)
}

// namesDevice reports whether a row and a device share a name.
func (f *reported) namesDevice(k *known) bool {
	c := match.Compare(deviceOf(&f.device), deviceOf(&k.Identity))
	return c.K == match.Agrees || c.E == match.Agrees || c.U == match.Agrees || c.S == match.Agrees
}

// isLate reports whether the OEM has said something newer about one of the row's
// names.
func (d *reports) isLate(f *reported) bool {
	for _, name := range f.names {
		st, ok := d.said[name]
		if ok && before(d.upload, f.row.Row, st.TrackingID, st.Ordinal) {
			return true
		}
	}
	// A registration may have taught a record a name that no report stated.
	return slices.ContainsFunc(d.known.of(f.claim), func(k *known) bool {
		return d.own(k) && d.newer(k, f) && f.namesDevice(k)
	})
}

// judge decides one row by what is stored.
func (d *reports) judge(f *reported) {
	switch f.kind {
	case claimNone:
		f.answer = &f.claim.answer
		return
	case claimHash:
		d.judgeBuilt(f)
	case claimKey, claimTuple:
		d.judgeReturned(f)
	}
	f.heard = f.answer == nil // what was refused leaves no trace, late or not
	if f.late = d.isLate(f); f.late {
		f.notes = nil
		f.close(models.OutcomeRegistered, sentenceOutOfDate)
	}
}

// judgeBuilt finds the device of a capture.
func (d *reports) judgeBuilt(f *reported) {
	mine, others := d.candidates(f)
	v := judge(&f.device, others)
	if v.Outcome == match.Match && !v.to.registered() {
		v.guard(&f.device, others)
	}
	switch {
	case v.Outcome == match.Attention:
		f.rule = v.Rule
		d.refuse(f, v.Reason, v.involved)
	case v.Outcome == match.Match && v.to.onRecord() && !d.own(v.to):
		d.refuse(f, reportedByAnother, []*known{v.to})
	case v.Outcome == match.Match:
		f.at, f.rule = v.to, v.Rule
	case mine != nil:
		f.at = mine
	case f.device.Manufacturer == "" || f.device.Serial == "":
		f.close(models.OutcomeInvalidHash, sentenceHashIncomplete)
	}
	if f.answer == nil {
		d.checkKey(f, others)
	}
}

// candidates parts what shares a key with a row: the OEM's own unregistered record
// of the same device, if there is one, and everything the rules judge.
func (d *reports) candidates(f *reported) (mine *known, others []*known) {
	for _, k := range d.known.of(f.claim) {
		switch {
		case !d.own(k) || k.registered():
			others = append(others, k)
		case mine == nil && judge(&f.device, []*known{k}).Outcome == match.Match:
			mine = k
		}
	}
	return mine, others
}

// checkKey refuses a product key id that another registered device states. Records of
// two OEMs may state one: neither may shut the other out, and a claim that fits both
// says so.
func (d *reports) checkKey(f *reported, others []*known) {
	var users []*known
	for _, k := range others {
		if k != f.at && f.device.ProductKey != "" && k.ProductKey == f.device.ProductKey && k.registered() {
			users = append(users, k)
		}
	}
	if len(users) > 0 {
		d.refuse(f, keyInUse, users)
	}
}

// judgeReturned finds out whether a returned key may be withdrawn.
func (d *reports) judgeReturned(f *reported) {
	var inUse []*known
	for _, k := range d.known.of(f.claim) {
		if d.own(k) && k.registered() && f.namesDevice(k) {
			inUse = append(inUse, k)
		}
	}
	if len(inUse) > 0 {
		d.refuse(f, returnedRegistered, inUse)
		f.close(models.OutcomeNeedsAttention, fmt.Sprintf(sentenceReturnRegistered, returnedRegistered))
	}
}

// refuse answers a row in conflict with known devices, which changes nothing but
// their history. The sentence names nobody.
func (d *reports) refuse(f *reported, reason match.Reason, involved []*known) {
	who := "You"
	f.at, f.reason, f.notes = nil, reason, nil
	for _, k := range involved {
		if k.registered() || k.onRecord() && !d.own(k) {
			who = "An operator of the registration service"
		}
		f.notes = append(f.notes, note{models.DeviceAttention, k})
	}
	f.close(models.OutcomeNeedsAttention, fmt.Sprintf(sentenceAttention, reasonSentence(reason), who, reason))
}

// close gives a row its answer.
func (f *reported) close(code models.OutcomeCode, detail string) {
	a := answer(f.row.Row, code, detail)
	f.answer = &a
}
