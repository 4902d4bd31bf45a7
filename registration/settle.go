package registration

import (
	"context"
	"slices"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration/casebook"
	"countersign/registration/match"
)

// Refusals of settlements.
var (
	// ErrCaseSettled: another decision stands, and stays.
	ErrCaseSettled = errs.New(errs.Conflict, "case_settled", "The case was settled in another way before. Send the row again if the conflict persists; it opens a new case.")
	// ErrNotSettler: the caller may see the case and must leave it to somebody else.
	ErrNotSettler = errs.New(errs.Forbidden, "case_not_yours", "The case is not yours to settle: it concerns devices that are not yours alone. The case names who settles it.")
	// ErrSettlement: the decision does not fit the case.
	ErrSettlement = errs.New(errs.Invalid, "settlement_invalid", "The settlement does not fit the case.")
	// ErrCaseOutdated: what is known of the devices has changed since.
	ErrCaseOutdated = errs.New(errs.Conflict, "case_outdated", "The devices of this case have changed since it was opened. Send the row again; if it still conflicts, it opens a new case.")
	// ErrAuthorityEnded: the right was stopped while the decision was on its way.
	ErrAuthorityEnded = errs.New(errs.Forbidden, "authority_ended", "Your right to settle was stopped while the call was on its way. Nothing was changed.")
	errLate           = errs.New(errs.Unavailable, "core_unavailable", "The settlement came to the registration core too late. Nothing was changed; send it again.")
)

// Settle carries out a person's decision about a case, in one transaction:
//
//   - Same: the capture is what the meant device is now. Later captures of it are
//     806 or 808.
//   - Different: the capture is a device of its own, so far registered to nobody.
//     Sending the row again registers it.
//   - Replaces: as Replace, for the tenant that has the meant device.
//
// Afterwards the devices of the case no longer conflict over this capture: those
// that it is not are told apart from the one that it is. A case about a claim
// without a capture, by product key id or tuple, is only closed; one about a
// factory's record that was kept from a partner, as sold to another or as guessed,
// lets the claimant have it when it is settled as same. Devices are named as the caller sees them in the case; one
// need not be named when only one is registered. Settling a case again in the same
// way changes nothing.
func (r *Registrar) Settle(ctx context.Context, s models.Settling) (Case, error) {
	if err := checkSettling(s); err != nil {
		return Case{}, err
	}
	scope := settlerScope(s.Authority)
	if _, err := r.Case(ctx, scope, s.Case); err != nil {
		return Case{}, err
	}
	step := &settling{r: r, s: s, scope: scope}
	if err := step.prepare(ctx); err != nil {
		return Case{}, public(err)
	}
	var err error
	for range maxAttempts {
		if err = r.store.db.InTx(ctx, step.execute); !db.IsDuplicate(err) {
			break
		}
	}
	if err != nil {
		return Case{}, public(err)
	}
	return r.Case(ctx, scope, s.Case)
}

// settlerScope is what the settling authority may see.
func settlerScope(a models.Authority) CaseScope {
	return CaseScope{Scope{Partner: a.PartnerID, Tenant: a.TenantID}, a.Kind == models.ByOperator}
}

func checkSettling(s models.Settling) error {
	switch k := s.Authority.Kind; {
	case k != models.ByTenant && k != models.ByFactory && k != models.ByOperator:
		return invalid("authority %q cannot settle cases", string(k))
	case !s.As.Valid():
		return ErrSettlement.WithDetail("A case is settled as same, different or replaces.")
	}
	return checkAuthority(s.Authority)
}

// settling is one attempt at a settlement.
type settling struct {
	r     *Registrar
	s     models.Settling
	scope CaseScope
	claim *claim // the capture; nil when the case has none

	c        models.AttentionCase
	parties  []models.CaseParty
	involved []*known // the parties as they are now, without those that are gone
	among    []*known // what shares a key with the capture, and the parties
	p        *plan
	regs     map[models.DeviceID]models.Registration
	verdict  verdict // of the capture, among everything but the parties
	pairs    []models.SettledPair
}

// prepare decodes the capture and reserves a number for the identity it may become.
func (g *settling) prepare(ctx context.Context) error {
	capture, err := casebook.CaptureOf(ctx, g.r.store.db, g.s.Case)
	if err != nil || capture == nil {
		return err
	}
	claims := []claim{readHash(models.CoreRow{Identity: models.DeviceIdentity{Hash: capture.Hash}})}
	if err := g.r.number(ctx, claims); err != nil {
		return err
	}
	g.claim = &claims[0]
	return nil
}

func (g *settling) execute(ctx context.Context, tx *db.Tx) (err error) {
	if err := tx.Gate(ctx, sharedLocks(g.s.Authority.Epochs)...); err != nil {
		return err
	}
	if g.c, g.parties, err = casebook.Lock(ctx, tx, g.s.Case); err != nil {
		return err
	}
	if g.c.State == models.CaseSettled {
		return g.again()
	}
	if err := g.mayNow(ctx, tx); err != nil {
		return err
	}
	if err := g.look(ctx, tx); err != nil {
		return err
	}
	if err := g.decide(ctx, tx); err != nil {
		return err
	}
	g.p.sort()
	if err := g.r.finish(ctx, tx, g.p); err != nil {
		return err
	}
	return casebook.Settle(ctx, tx, g.c, g.pairs)
}

// again accepts the decision that stands.
func (g *settling) again() error {
	if *g.c.SettledAs != g.s.As || g.s.Device != "" && g.s.Device != g.c.SettledDevice {
		return ErrCaseSettled
	}
	return nil
}

// mayNow checks that the caller is the settler, and that its right still stands.
func (g *settling) mayNow(ctx context.Context, tx *db.Tx) error {
	a := g.s.Authority
	yours := a.Kind == models.ByOperator ||
		a.Kind == models.ByTenant && g.c.Settler == models.SettlerCustomer && g.c.SettlerID == string(a.TenantID) ||
		a.Kind == models.ByFactory && g.c.Settler == models.SettlerManufacturer && g.c.SettlerID == string(a.PartnerID)
	if !yours {
		return ErrNotSettler
	}
	refusal, err := g.r.refusal(ctx, tx, a)
	switch {
	case err != nil || refusal == nil:
		return err
	case refusal.Reason == models.RefusedAsLate:
		return errLate
	}
	return ErrAuthorityEnded
}

// look reads and locks what the capture and the parties share keys with.
func (g *settling) look(ctx context.Context, tx *db.Tx) (err error) {
	g.p = &plan{sub: models.Submission{Upload: g.c.TrackingID, Authority: g.submitter()}, newID: g.r.newID}
	if g.p.now, err = tx.Now(ctx); err != nil {
		return err
	}
	g.involved, g.among, g.pairs = nil, nil, nil
	ids := make([]int64, len(g.parties))
	for i, p := range g.parties {
		ids[i] = p.IdentityID
	}
	identities, err := casebook.Identities(ctx, tx, ids)
	if err != nil {
		return err
	}
	claims := make([]claim, len(identities), len(identities)+1)
	for i := range identities {
		claims[i].keys = keysOf(&identities[i])
	}
	if g.claim != nil {
		g.claim.row.Row = g.c.Ordinal
		claims = append(claims, *g.claim)
	}
	found, err := g.r.store.held(ctx, tx, allKeys(claims), anyKnown)
	if err != nil {
		return err
	}
	if err := apart(ctx, tx, found); err != nil {
		return err
	}
	g.sortOut(found, ids)
	devices := make([]models.DeviceID, len(g.involved))
	for i, k := range g.involved {
		devices[i] = k.Active.ID
	}
	if g.regs, err = casebook.Registrations(ctx, tx, devices); err != nil {
		return err
	}
	return g.stillTheSettler()
}

// sortOut parts the parties from everything else.
func (g *settling) sortOut(found []known, parties []int64) {
	var others []*known
	for i := range found {
		k := &found[i]
		g.among = append(g.among, k)
		switch party := slices.Contains(parties, k.ID); {
		case party && k.RetiredAt == nil:
			g.involved = append(g.involved, k)
		case !party:
			others = append(others, k)
		}
	}
	if g.claim != nil {
		g.verdict = judge(&g.claim.device, others)
	}
}

// submitter is the authority that the row came with, for what is written in its
// name.
func (g *settling) submitter() models.Authority {
	return models.Authority{
		Kind: g.c.Authority, TenantID: g.c.TenantID, PartnerID: g.c.PartnerID, ClientID: g.c.ClientID, GrantID: g.c.GrantID,
	}
}

// stillTheSettler refuses a customer or manufacturer whose case has come to concern
// somebody else.
func (g *settling) stillTheSettler() error {
	settler, id := settlerOf(g.submitter(), match.Reason(g.c.Reason), g.involved)
	if g.s.Authority.Kind != models.ByOperator && (settler != g.c.Settler || id != g.c.SettlerID) {
		return ErrCaseOutdated
	}
	return nil
}

// meant is the device that the decision is about. It must be named when several
// could be; whatever is not registered cannot be named.
func (g *settling) meant() (*known, error) {
	var fit []*known
	for _, k := range g.involved {
		if g.s.Device == k.Active.ID && k.registered() || g.s.Device == "" && (k.registered() || len(g.involved) == 1) {
			fit = append(fit, k)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case g.s.Device != "" && g.wasParty(g.s.Device):
		return nil, ErrCaseOutdated
	case g.s.Device != "":
		return nil, ErrSettlement.WithDetail("The device is not one of those that the case involves.")
	case len(g.involved) == 0:
		return nil, ErrSettlement.WithDetail("No known device is involved any more. Settle the case as different.")
	}
	return nil, ErrSettlement.WithDetail("Several devices are involved. Name the one that is meant.")
}

func (g *settling) wasParty(id models.DeviceID) bool {
	return slices.ContainsFunc(g.parties, func(p models.CaseParty) bool { return p.DeviceID == id })
}
