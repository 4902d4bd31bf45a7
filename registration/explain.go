package registration

import (
	"context"
	"strconv"
	"strings"
	"time"

	"countersign/models"
	"countersign/registration/casebook"
	"countersign/registration/match"
)

// why packs an explanation, as models.DeviceEvent describes it.
func why(rule int, c match.Comparison, withoutTPM bool) string {
	out := append(strconv.AppendInt(make([]byte, 0, 16), int64(rule), 10), ':')
	for _, result := range []match.Agreement{match.Agrees, match.Differs, match.Unknown} {
		for _, k := range c.Of(result) {
			out = append(out, byte(k))
		}
		out = append(out, ':')
	}
	if withoutTPM {
		out = append(out, 't')
	}
	return string(out)
}

// whyNot explains a claim's verdict by its comparison with one known device.
func (c *claim) whyNot(k *known, rule int, withoutTPM bool) string {
	return why(rule, match.Compare(deviceOf(&c.device), deviceOf(&k.Identity)), withoutTPM)
}

func (f *finding) whyNot(k *known) string {
	return f.claim.whyNot(k, f.verdict.Rule, f.verdict.to == k && f.verdict.WithoutTPM)
}

func (f *reported) whyNot(k *known) string { return f.claim.whyNot(k, f.rule, false) }

func (d dispute) whyNot(k *known) string { return d.claim.whyNot(k, d.rule, false) }

// whyAt explains why a report is about the known device.
func (f *reported) whyAt() string { return f.whyNot(f.at) }

// explain says in a registration's entry why it is this device, or why it is a new
// one and which device its parts came from.
func (f *finding) explain(e *models.DeviceEvent) {
	v := f.verdict
	if f.at != nil && v.to != f.at { // recognised by another row of the upload
		e.Why = f.claim.whyNot(f.at, v.Rule, false)
		return
	}
	e.Why = why(v.Rule, v.Comparison, v.WithoutTPM)
	if v.from != nil {
		e.OtherDevice = v.from.Active.ID
	}
}

// Verdict words of an Explanation.
const (
	SaidSame      = "same"      // the capture is this device
	SaidNew       = "new"       // the capture is no device that was known before
	SaidAttention = "attention" // the capture conflicts with this device
	SaidDifferent = "different" // a person says that the capture is other hardware
)

// Explanation says why a capture was matched to a device, or not.
type Explanation struct {
	At          time.Time
	Kind        models.DeviceEventKind // what came of it
	Said        string
	Rule        int // of the matcher; 0 for a look-up without a hash
	Reason      string
	Agreeing    []string // identifiers by their letters: E U S are bound to the board, D N K can move
	Conflicting []string
	Unknown     []string // stated by one side at most
	WithoutTPM  bool     // a replaced board whose serial and UUID were rewritten would look the same

	DeviceID   models.DeviceID // the registration it was about; empty when the reader may not see it
	Other      models.DeviceID // the device that its parts came from, its predecessor or successor
	TenantID   models.TenantID
	PartnerID  models.PartnerID
	TrackingID models.TrackingID
	Row        int
	CaseID     models.CaseID
}

// Explain returns a page of the reasons why captures were matched to a device or
// not, oldest first, and the cursor of the next page. It covers the calls that
// History covers, and is ErrNoDevice where Device is.
func (r *Registrar) Explain(ctx context.Context, scope Scope, id models.DeviceID, page Page) ([]Explanation, string, error) {
	list := listOf("explanation", string(scope.Partner), string(scope.Tenant), string(id))
	place, err := list.place(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	var after int64
	if place != "" {
		if after, err = strconv.ParseInt(place, 10, 64); err != nil {
			return nil, "", ErrCursor
		}
	}
	device, err := r.registered(ctx, scope, id)
	if err != nil {
		return nil, "", err
	}
	_, args := scope.condition("")
	own := func(table string) string { sql, _ := scope.condition(table); return sql }
	events, err := casebook.Explained(ctx, r.store.db, casebook.Explaining{Identity: device.IdentityID, Own: own, Args: args}, after, page.limit()+1)
	if err != nil {
		return nil, "", public(err)
	}
	events, more := cutPage(events, page.limit())
	out := make([]Explanation, len(events))
	for i := range events {
		out[i] = explained(&events[i])
	}
	if !more {
		return out, "", nil
	}
	return out, list.cursor(strconv.FormatInt(events[len(events)-1].ID, 10)), nil
}

func explained(e *models.DeviceEvent) Explanation {
	out := Explanation{
		At: e.At, Kind: e.Kind, Said: SaidSame, Reason: e.Reason, DeviceID: e.DeviceID, Other: e.OtherDevice,
		TenantID: e.TenantID, PartnerID: e.PartnerID, TrackingID: e.TrackingID, Row: e.Ordinal, CaseID: e.CaseID,
	}
	c := readWhy(e.Why)
	out.Rule, out.Agreeing, out.Conflicting, out.Unknown, out.WithoutTPM = c.Rule, c.Agreeing, c.Conflicting, c.Unknown, c.WithoutTPM
	switch {
	case e.Kind == models.DeviceAttention:
		out.Said = SaidAttention
	case e.Kind == models.DeviceReplaced, e.Kind == models.DeviceSettled && e.Reason != string(models.SettledSame):
		out.Said = SaidDifferent
	case e.Kind == models.DeviceRegistered && (c.Rule == 1 || c.Rule == 6):
		out.Said = SaidNew
	}
	return out
}

// Compared is what a capture and a known device have in common.
type Compared struct {
	Rule                           int
	Agreeing, Conflicting, Unknown []string
	WithoutTPM                     bool
}

// readWhy unpacks what why made.
func readWhy(text string) Compared {
	parts := append(strings.Split(text, ":"), "", "", "", "")
	rule, _ := strconv.Atoi(parts[0])
	return Compared{
		Rule: rule, Agreeing: strings.Split(parts[1], ""), Conflicting: strings.Split(parts[2], ""),
		Unknown: strings.Split(parts[3], ""), WithoutTPM: parts[4] == "t",
	}
}
