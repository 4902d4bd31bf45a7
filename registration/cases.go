package registration

import (
	"context"
	"strings"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration/casebook"
)

// ErrNoCase says that the reader has no such case, whether or not there is one.
var ErrNoCase = errs.New(errs.NotFound, "case_not_found", "There is no attention case with this id among those you may see.")

// CaseScope says whose cases a reader may see: a partner those of its own
// submissions and those that it may settle as the manufacturer, a tenant those of
// submissions for it, with both those that are of both. An operator sees all,
// narrowed by partner and tenant. An empty one sees nothing.
type CaseScope struct {
	Scope
	Operator bool
}

func (s CaseScope) viewer() casebook.Viewer {
	return casebook.Viewer{Partner: s.Partner, Tenant: s.Tenant, Operator: s.Operator}
}

// CaseFilter narrows a list of cases. Empty fields do not narrow.
type CaseFilter struct {
	State   models.CaseState
	Settler models.Settler
	Reason  string          // a word of the matcher, such as board-or-tpm-changed
	Device  models.DeviceID // involved, and among those the reader may see
}

// Case is an attention case as its reader may see it. Who settles a case as the
// manufacturer without having submitted it is not told who did, for whom and when.
type Case struct {
	models.AttentionCase
	Involved []Involved
}

// Involved is a known device of a case.
type Involved struct {
	DeviceID models.DeviceID // its registration; empty for one that the reader may not see, or that is registered to nobody
	Own      bool            // the reader's own device or record; otherwise nothing but the comparison is told
	Compared                 // with the capture
}

// Cases returns a page of attention cases, newest first, and the cursor of the next
// page, empty at the end.
func (r *Registrar) Cases(ctx context.Context, scope CaseScope, filter CaseFilter, page Page) ([]Case, string, error) {
	list := filter.list(scope)
	before, err := list.place(page.Cursor)
	if err != nil {
		return nil, "", err
	}
	if before != "" && !models.ValidGUID(before) {
		return nil, "", ErrCursor
	}
	found, err := casebook.List(ctx, r.store.db, scope.viewer(), casebook.Filter(filter), models.CaseID(before), page.limit()+1)
	if err != nil {
		return nil, "", public(err)
	}
	found, more := cutPage(found, page.limit())
	cases, err := r.views(ctx, scope, found)
	if err != nil || !more {
		return cases, "", err
	}
	return cases, list.cursor(string(found[len(found)-1].ID)), nil
}

func (f CaseFilter) list(scope CaseScope) list {
	return listOf("attention", string(scope.Partner), string(scope.Tenant), string(f.State), string(f.Settler), f.Reason, string(f.Device))
}

// Case returns one case within a scope, or ErrNoCase.
func (r *Registrar) Case(ctx context.Context, scope CaseScope, id models.CaseID) (Case, error) {
	found, err := casebook.Get(ctx, r.store.db, scope.viewer(), models.CaseID(plain(string(id))))
	if db.IsNotFound(err) {
		return Case{}, ErrNoCase
	}
	if err != nil {
		return Case{}, public(err)
	}
	cases, err := r.views(ctx, scope, []models.AttentionCase{found})
	if err != nil {
		return Case{}, err
	}
	return cases[0], nil
}

// views shows cases to a reader.
func (r *Registrar) views(ctx context.Context, scope CaseScope, found []models.AttentionCase) ([]Case, error) {
	ids := make([]models.CaseID, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	parties, err := casebook.PartiesOf(ctx, r.store.db, ids)
	if err != nil {
		return nil, public(err)
	}
	out := make([]Case, len(found))
	for i, c := range found {
		out[i] = scope.view(c, parties[c.ID])
	}
	return out, nil
}

// view leaves out of a case what its reader may not see.
func (s CaseScope) view(c models.AttentionCase, parties []models.CaseParty) Case {
	out := Case{AttentionCase: c}
	meant := false // the device that was meant is one that the reader may see
	for _, p := range parties {
		one := Involved{Own: s.owns(p), Compared: readWhy(p.Why)}
		if one.Own {
			one.DeviceID = p.DeviceID
			meant = meant || p.DeviceID == c.SettledDevice
		}
		out.Involved = append(out.Involved, one)
	}
	out.Fingerprint = nil
	if !meant {
		out.SettledDevice, out.ResultDevice = "", ""
	}
	if !s.Operator && s.Tenant == "" && s.Partner != c.PartnerID {
		out.Authority, out.TenantID, out.PartnerID, out.ClientID, out.GrantID = "", "", "", "", ""
		out.TrackingID, out.Ordinal, out.Rows = "", 0, ""
	}
	return out
}

// owns reports whether an involved device is the reader's.
func (s CaseScope) owns(p models.CaseParty) bool {
	if s.Operator {
		return true
	}
	return (s.Partner == "" || s.Partner == p.PartnerID) && (s.Tenant == "" || s.Tenant == p.TenantID) && s.Scope != (Scope{})
}

// rowsOf reads the list of rows that a case keeps.
func rowsOf(c models.AttentionCase) []string {
	if c.Rows == "" {
		return nil
	}
	return strings.Split(c.Rows, ", ")
}
