package gateway

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
)

const attentionPath = "/v1/attention"

// maxNote bounds the note of a settlement in characters.
const maxNote = 1000

// listAttention lists conflicts that a person must settle, newest first. A partner
// sees those of its own submissions and, as the manufacturer, those it may settle; a
// customer those of submissions for it.
//
//	@Summary	List attention cases
//	@Tags		devices
//	@Param		state	query	string	false	"open (unless told), settled or all"
//	@Param		settler	query	string	false	"who may settle: customer, manufacturer or operator"
//	@Param		reason	query	string	false	"for example board-or-tpm-changed"
//	@Param		device	query	string	false	"device id: cases that involve this device of yours"
//	@Param		tenant	query	string	false	"tenant id; for partners and operators"
//	@Param		partner	query	string	false	"partner id; for customers and operators"
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.AttentionCase]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/attention [get]
func (s *server) listAttention(c *gin.Context) error {
	p := query(c)
	p.only("state", "settler", "reason", "device", "tenant", "partner", "cursor", "limit")
	page, filter := p.ownPage(), p.caseFilter()
	scope, err := caseScope(c, p)
	if err != nil {
		return err
	}
	found, next, err := s.Attention.Cases(c.Request.Context(), scope, filter, registration.Page(page))
	if err != nil {
		return err
	}
	items := make([]wire.AttentionCase, len(found))
	for i, one := range found {
		items[i] = wireCase(one)
	}
	return answerPage(c, items, next)
}

// getAttention returns one case.
//
//	@Summary	Get an attention case
//	@Tags		devices
//	@Param		id		path	string	true	"case id"
//	@Param		tenant	query	string	false	"tenant id; for partners and operators"
//	@Param		partner	query	string	false	"partner id; for customers and operators"
//	@Success	200	{object}	wire.AttentionCase
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/attention/{id} [get]
func (s *server) getAttention(c *gin.Context) error {
	p := query(c)
	p.only("tenant", "partner")
	scope, err := caseScope(c, p)
	if err != nil {
		return err
	}
	id, err := caseID(c)
	if err != nil {
		return err
	}
	found, err := s.Attention.Case(c.Request.Context(), scope, id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireCase(found))
}

// settleAttention carries out a person's decision about a conflict. The right to do
// so is the scope devices.write, which a customer's client has only when an
// administrator gave it. Settling again in the same way changes nothing.
//
//	@Summary	Settle an attention case
//	@Tags		devices
//	@Param		id		path	string			true	"case id"
//	@Param		request	body	wire.Settling	true	"the decision"
//	@Success	200	{object}	wire.AttentionCase
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[devices.write]
//	@Router		/v1/attention/{id}/settle [post]
func (s *server) settleAttention(c *gin.Context) error {
	id, err := caseID(c)
	if err != nil {
		return err
	}
	var in wire.Settling
	if err := decode(c, &in); err != nil {
		return err
	}
	settling, err := readSettling(in)
	if err != nil {
		return err
	}
	settling.Case = id
	if settling.Authority, err = s.ownAuthority(c); err != nil {
		return err
	}
	done, err := s.Attention.Settle(c.Request.Context(), settling)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wireCase(done))
}

// explainDevice says why captures were matched to a device or not, oldest first.
//
//	@Summary	Why captures were matched to a device
//	@Tags		devices
//	@Param		device	path	string	true	"device id"
//	@Param		tenant	query	string	false	"tenant id; for partners and operators"
//	@Param		partner	query	string	false	"partner id; for customers and operators"
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.Explanation]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/devices/{device}/explanation [get]
func (s *server) explainDevice(c *gin.Context) error {
	p := query(c)
	p.only("tenant", "partner", "cursor", "limit")
	page := p.ownPage()
	scope, id, err := deviceAsked(c, p)
	if err != nil {
		return err
	}
	found, next, err := s.Attention.Explain(c.Request.Context(), scope, id, registration.Page(page))
	if err != nil {
		return err
	}
	items := make([]wire.Explanation, len(found))
	for i, one := range found {
		items[i] = wireExplanation(one)
	}
	return answerPage(c, items, next)
}

// caseFilter reads what narrows a list of cases.
func (p *params) caseFilter() registration.CaseFilter {
	f := registration.CaseFilter{
		Settler: models.Settler(p.oneOf("settler", string(models.SettlerCustomer), string(models.SettlerManufacturer), string(models.SettlerOperator))),
		Reason:  p.printable("reason"), Device: models.DeviceID(p.guid("device")),
	}
	switch state := p.oneOf("state", string(models.CaseOpen), string(models.CaseSettled), stateAll); state {
	case "":
		f.State = models.CaseOpen
	case stateAll:
	default:
		f.State = models.CaseState(state)
	}
	return f
}

// caseScope is whose cases a caller may see: a partner and a tenant their own, an
// operator all, since cases of nobody in particular are its to settle.
func caseScope(c *gin.Context, p *params) (registration.CaseScope, error) {
	scope := registration.Scope{Partner: models.PartnerID(p.guid("partner")), Tenant: models.TenantID(p.guid("tenant"))}
	who := caller(c)
	switch who.Kind {
	case models.OwnerPartner:
		scope.Partner = who.PartnerID
	case models.OwnerTenant:
		scope.Tenant = who.TenantID
	}
	return registration.CaseScope{Scope: scope, Operator: who.Kind == models.OwnerOperator}, p.err
}

// caseID is the case in the path; what is no id names none.
func caseID(c *gin.Context) (models.CaseID, error) {
	id := strings.ToLower(c.Param("id"))
	if !models.ValidGUID(id) {
		return "", registration.ErrNoCase
	}
	return models.CaseID(id), nil
}

// readSettling checks a decision. The note is kept, so it must not hold a secret.
func readSettling(in wire.Settling) (models.Settling, error) {
	out := models.Settling{As: models.Settlement(in.As), Device: models.DeviceID(strings.ToLower(in.Device)), Note: strings.TrimSpace(in.Note)}
	bad := func(name, cause string) (models.Settling, error) {
		return out, registration.ErrSettlement.WithDetail("%s: %s.", name, cause).WithFields(errs.Field{Name: name, Cause: cause})
	}
	switch {
	case !out.As.Valid():
		return bad("as", "it must be same, different or replaces")
	case in.Device != "" && !models.ValidGUID(string(out.Device)):
		return bad("device", "it must be a device id")
	case intake.HoldsProductKey(in.Note):
		return bad("note", causeProductKey)
	case utf8.RuneCountInString(in.Note) > maxNote:
		return bad("note", "it is longer than 1000 characters")
	}
	return out, nil
}

// ownAuthority is the authority of who acts in its own name: a customer over its
// devices, a manufacturer over its records, an operator.
func (s *server) ownAuthority(c *gin.Context) (models.Authority, error) {
	who := caller(c)
	out := models.Authority{Kind: models.ByOperator, ClientID: who.ClientID, PartnerID: who.PartnerID, TenantID: who.TenantID}
	switch {
	case who.Kind == models.OwnerTenant:
		out.Kind = models.ByTenant
	case who.Kind == models.OwnerPartner && who.PartnerKind == models.OEM:
		out.Kind = models.ByFactory
	case who.Kind == models.OwnerPartner:
		return out, errWrongCaller.WithDetail("A partner does not settle cases; the case names who does. Only a manufacturer settles, among its own records.")
	}
	permit, err := s.Permits.Epochs(c.Request.Context(), consent.Acting{Client: who.ClientID, Partner: who.PartnerID, Tenant: who.TenantID})
	out.Epochs, out.NotAfter = permit.Epochs, permit.NotAfter()
	return out, err
}

func wireCase(in registration.Case) wire.AttentionCase {
	out := wire.AttentionCase{
		ID: string(in.ID), State: string(in.State), Settler: string(in.Settler), Rule: in.Rule, Reason: in.Reason,
		TenantID: string(in.TenantID), PartnerID: string(in.PartnerID), TrackingID: string(in.TrackingID), Row: in.Ordinal,
		OtherRows: in.Rows, Times: in.Times, OpenedAt: in.OpenedAt.UTC(), LastSeenAt: in.LastSeenAt.UTC(),
		Involved: make([]wire.Involved, len(in.Involved)), SettledAt: utc(in.SettledAt), SettledBy: string(in.SettledBy),
		DeviceID: string(in.SettledDevice), NewDevice: string(in.ResultDevice), Note: in.Note,
	}
	if in.SettledAs != nil {
		out.SettledAs = string(*in.SettledAs)
	}
	for i, k := range in.Involved {
		record := "another record"
		if k.Own {
			record = "yours"
		}
		out.Involved[i] = wire.Involved{
			DeviceID: string(k.DeviceID), Record: record, Agreeing: listed(k.Agreeing), Conflicting: listed(k.Conflicting), Unknown: listed(k.Unknown),
		}
	}
	return out
}

func wireExplanation(in registration.Explanation) wire.Explanation {
	return wire.Explanation{
		At: in.At.UTC(), Kind: string(in.Kind), Verdict: in.Said, Rule: in.Rule, Reason: in.Reason,
		Agreeing: listed(in.Agreeing), Conflicting: listed(in.Conflicting), Unknown: listed(in.Unknown), WithoutTPM: in.WithoutTPM,
		DeviceID: string(in.DeviceID), OtherDevice: string(in.Other), TenantID: string(in.TenantID), PartnerID: string(in.PartnerID),
		TrackingID: string(in.TrackingID), Row: in.Row, CaseID: string(in.CaseID),
	}
}

func wireQuality(in *registration.Quality) *wire.Quality {
	if in == nil {
		return nil
	}
	out := &wire.Quality{
		TPMSeen: in.TPMSeen, WindowsPE: in.WindowsPE, Missing: in.Missing, Placeholders: in.Placeholders, HashMadeAt: utc(in.MadeAt),
	}
	if in.MadeAt != nil {
		seconds := int64(in.Age.Seconds())
		out.AgeSeconds = &seconds
	}
	return out
}

// listed makes an absent list an empty one.
func listed(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
