package portal

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"countersign/consent"
	"countersign/models"
)

// openLink takes the secret out of the address at once. Whether the link leads anywhere is
// not looked at before somebody has signed in: every secret gets the same answer, and
// programs that open links in mail change nothing.
func (v *visit) openLink() error {
	secret := v.params["secret"]
	if !plausibleSecret(secret) {
		secret = "-" // leads nowhere, by the same way
	}
	v.setCookie(linkCookie, secret, linkLifetime)
	v.redirect(linkPath)
	return nil
}

// plausibleSecret keeps what cannot be a secret out of a cookie.
func plausibleSecret(s string) bool {
	return len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// followLink leads from an opened link to its request. A link that is unknown, used,
// expired, withdrawn or another tenant's gets the one answer of consent.ErrLink.
func (v *visit) followLink() error {
	secret := v.cookie(linkCookie)
	v.dropCookie(linkCookie)
	if err := v.try(TryLink); err != nil {
		return err
	}
	found, err := v.Links.RequestByLink(v.r.Context(), v.actor(), secret)
	if err != nil {
		return err
	}
	v.redirect(requestPath + "/" + string(found.Request.ID))
	return nil
}

// requestList is the requests in one state.
type requestList struct {
	State   string
	Partner *partnerFacts // only of this one; nil lists all
	Items   []requestLine
	More    string // address of the next page; empty at the end
}

// requestLine is one request in a list.
type requestLine struct {
	*models.ConsentRequest
	Partner string
}

// States are the lists of requests. Granted ones are permissions.
func (requestList) States() []models.RequestState {
	return []models.RequestState{models.RequestPending, models.RequestDeclined, models.RequestWithdrawn, models.RequestExpired}
}

func (v *visit) listRequests() error {
	q := v.r.URL.Query()
	state := models.RequestState(q.Get("state"))
	if !state.Valid() || state == models.RequestGranted {
		state = models.RequestPending
	}
	list := requestList{State: string(state)}
	filter := consent.Filter{Viewer: v.actor(), State: list.State, Cursor: q.Get("after"), Limit: listPage}
	if partner := q.Get("partner"); partner != "" {
		if !models.ValidGUID(partner) {
			return errNoPage
		}
		facts, err := v.knownPartner(models.PartnerID(strings.ToLower(partner)))
		if err != nil {
			return err
		}
		filter.PartnerID, list.Partner = facts.ID, &facts
	}
	items, next, err := v.Consents.List(v.r.Context(), filter)
	if err != nil {
		return err
	}
	list.More = v.more(next)
	for _, item := range items {
		if item.Kind == consent.KindRequest {
			list.Items = append(list.Items, requestLine{item.Request, item.PartnerName})
		}
	}
	v.show(http.StatusOK, "requests", v.T("requests.title"), list)
	return nil
}

// listPage is how many lines a list shows at once.
const listPage = 50

// more is the address of the next page of this list.
func (v *visit) more(cursor string) string {
	if cursor == "" {
		return ""
	}
	q := v.r.URL.Query()
	q.Set("after", cursor)
	return v.r.URL.EscapedPath() + "?" + q.Encode()
}

// requestPageData is one request, as a person decides about it.
type requestPageData struct {
	*models.ConsentRequest
	Partner partnerFacts
	Words   consent.Words
	Choices []scopeChoice
	Waits   bool // for a decision
	Fresh   bool
	Given   termsForm
	GrantID string // of the permission that answered it
	History []models.ConsentEvent
}

// scopeChoice is one thing that can be allowed, with nothing chosen before.
type scopeChoice struct {
	Scope  string
	May    string
	Chosen bool
}

func (v *visit) showRequest() error {
	return v.requestPage(http.StatusOK, termsForm{})
}

// requestPage writes the page with what was filled in, if anything.
func (v *visit) requestPage(status int, given termsForm) error {
	found, err := v.Consents.Get(v.r.Context(), v.actor(), v.params["id"])
	if err != nil {
		return err
	}
	if found.Kind != consent.KindRequest {
		v.redirect(grantPath + "/" + v.params["id"])
		return nil
	}
	history, err := v.Consents.History(v.r.Context(), v.actor(), v.params["id"])
	if err != nil {
		return err
	}
	r := found.Request
	asked, err := v.Consents.Asked(v.r.Context(), v.actor(), *r)
	if err != nil {
		return err
	}
	data := requestPageData{
		ConsentRequest: r, Words: consent.Wording(v.Lang(), asked), Fresh: v.session.Fresh, Given: given, History: history,
		Waits: r.State == models.RequestPending && v.now.Before(r.ExpiresAt),
	}
	if data.Partner, err = v.partner(r.PartnerID, found.PartnerName); err != nil {
		return err
	}
	if r.GrantID != nil {
		data.GrantID = string(*r.GrantID)
	}
	data.Choices = v.choices(strings.Fields(r.Scopes), given.Scopes)
	if !given.Sent {
		data.Given = v.termsOf(r.DeviceLimit, r.GrantLists, r.GrantUntil)
	}
	v.show(status, "request", v.T("request.heading", "partner", data.Partner.Name), data)
	return nil
}

// choices are the scopes that were asked for, in words.
func (v *visit) choices(asked, chosen []string) (all []scopeChoice) {
	for _, scope := range asked {
		all = append(all, scopeChoice{Scope: scope, May: v.may(scope), Chosen: contains(chosen, scope)})
	}
	return all
}

// may says in the words of consent what one scope allows.
func (v *visit) may(scope string) string {
	words := consent.Wording(v.Lang(), consent.Promise{Scopes: []string{scope}})
	if len(words.May) != 1 {
		return scope
	}
	return words.May[0]
}

// grantRequest is the yes.
func (v *visit) grantRequest() error {
	if !v.session.Fresh {
		return errNotFresh
	}
	found, err := v.Consents.Get(v.r.Context(), v.actor(), v.params["id"])
	if err != nil {
		return err
	}
	if found.Kind != consent.KindRequest || found.Request.State != models.RequestPending {
		return v.alreadyDecided()
	}
	form := v.readTerms(bounds{
		Scopes: strings.Fields(found.Request.Scopes), Limit: found.Request.DeviceLimit, Until: found.Request.GrantUntil,
	})
	if len(form.Problems) > 0 {
		return v.requestPage(http.StatusBadRequest, form)
	}
	form.terms.Limits = form.someLimits()
	form.terms.Shown = consent.Reading{Language: v.Lang(), Digest: v.field("words")}
	grant, err := v.Decider.Grant(v.r.Context(), v.actor(), found.Request.ID, form.terms)
	switch {
	case errors.Is(err, consent.ErrWrongState):
		return v.alreadyDecided()
	case form.refused(v, err):
		return v.requestPage(http.StatusBadRequest, form)
	case err != nil:
		return again(err)
	}
	v.done("granted", grantPath+"/"+string(grant.ID))
	return nil
}

// alreadyDecided shows the real state to whoever decides twice or second.
func (v *visit) alreadyDecided() error {
	v.done("state_changed", requestPath+"/"+v.params["id"])
	return nil
}

// declineRequest is the no. It needs no reason and no fresh sign-in, and may come with a
// block of the partner.
func (v *visit) declineRequest() error {
	id := models.RequestID(v.params["id"])
	reason := v.field("reason")
	request, err := v.Decider.Decline(v.r.Context(), v.actor(), id, reason)
	if errors.Is(err, consent.ErrWrongState) {
		return v.alreadyDecided()
	}
	if err != nil {
		return err
	}
	word := "declined"
	if v.field("block") == "yes" {
		if _, err := v.Blocks.Block(v.r.Context(), v.actor(), request.PartnerID, consent.Blocking{Reason: reason}); err != nil {
			return err
		}
		word = "declined_blocked"
	}
	v.done(word, requestPath+"/"+string(id))
	return nil
}

// unexpectedPage is for people who did not expect to be asked.
func (v *visit) unexpectedPage() error {
	found, err := v.Consents.Get(v.r.Context(), v.actor(), v.params["id"])
	if err != nil {
		return err
	}
	if found.Request == nil {
		return errNoPage
	}
	data := requestPageData{ConsentRequest: found.Request, Waits: found.Request.State == models.RequestPending && v.now.Before(found.Request.ExpiresAt)}
	if data.Partner, err = v.partner(found.Request.PartnerID, found.PartnerName); err != nil {
		return err
	}
	v.show(http.StatusOK, "unexpected", v.T("unexpected.title"), data)
	return nil
}

// partnerFacts is what is known about a partner, and how.
type partnerFacts struct {
	ID      models.PartnerID
	Name    string
	Kind    models.PartnerKind
	MPNID   string
	Since   time.Time // known here since
	Stopped bool
}

func (v *visit) partner(id models.PartnerID, name string) (partnerFacts, error) {
	p, err := v.Directory.Partner(v.r.Context(), id)
	if err != nil {
		return partnerFacts{}, err
	}
	return partnerFacts{ID: id, Name: or(p.Name, name), Kind: p.Kind, MPNID: p.MPNID, Since: p.CreatedAt, Stopped: p.State != models.PartnerActive}, nil
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
