package portal

import (
	"net/http"
	"strings"

	"countersign/consent"
	"countersign/models"
)

// editPage is a form over the terms of a permission, or of one to be given.
type editPage struct {
	grantLine
	Facts   partnerFacts
	Choices []scopeChoice
	Given   termsForm
	Seen    string // digest of the words over which the reader decides
}

// seen is what the reader had before its eyes: a form carries the digest of its words.
func (v *visit) seen() consent.Reading {
	return consent.Reading{Language: v.Lang(), Seen: v.field("words")}
}

// changePage shows the terms as they are, to be changed.
func (v *visit) changePage() error { return v.changeForm(http.StatusOK, termsForm{}) }

func (v *visit) changeForm(status int, given termsForm) error {
	data, err := v.readGrant()
	if err != nil {
		return err
	}
	if !data.InForce && !data.Paused {
		return v.changed("state_changed", nil)
	}
	if !given.Sent {
		given = v.termsOf(data.DeviceLimit, data.GrantLists, data.ExpiresAt)
		given.Scopes, given.MaxUntil = strings.Fields(data.Scopes), ""
	}
	edit := editPage{grantLine: data.grantLine, Facts: data.Facts, Choices: v.choices(consent.GrantScopes(), given.Scopes), Given: given, Seen: data.Words.Digest()}
	v.show(status, "change", v.T("change.heading", "partner", data.Partner), edit)
	return nil
}

// change narrows at once; what widens is a new decision, which consent asks a fresh
// sign-in for.
func (v *visit) change() error {
	data, err := v.readGrant()
	if err != nil {
		return err
	}
	form := v.readTerms(bounds{Scopes: consent.GrantScopes(), Until: v.now.AddDate(10, 0, 0), Same: data.ExpiresAt})
	if len(form.Problems) > 0 {
		return v.changeForm(http.StatusBadRequest, form)
	}
	limits := form.terms.Limits
	if limits.Devices == nil {
		limits.Devices = new(int64) // an empty field lifts the limit
	}
	_, err = v.Changer.Amend(v.r.Context(), v.actor(), data.ID, consent.Amendment{
		Scopes: form.terms.Scopes, Limits: limits, ExpiresAt: form.terms.ExpiresAt, Reason: v.field("reason"),
		Shown: v.seen(),
	})
	if form.refused(v, err) {
		return v.changeForm(http.StatusBadRequest, form)
	}
	return v.changed("amended", err)
}

func (v *visit) renewPage() error { return v.renewForm(http.StatusOK, termsForm{}) }

func (v *visit) renewForm(status int, given termsForm) error {
	data, err := v.readGrant()
	if err != nil {
		return err
	}
	if !data.InForce && !data.Paused {
		return v.changed("state_changed", nil)
	}
	if !given.Sent {
		given.Until = v.Input(data.ExpiresAt.AddDate(1, 0, 0))
	}
	v.show(status, "renew", v.T("renew.heading", "partner", data.Partner), editPage{grantLine: data.grantLine, Facts: data.Facts, Given: given, Seen: data.Words.Digest()})
	return nil
}

// renew gives a later end, and nothing else. It is a yes, and asks for what a yes does.
func (v *visit) renew() error {
	if !v.session.Fresh {
		return errNotFresh
	}
	form := termsForm{Sent: true, Until: v.field("until")}
	form.until(v, bounds{Until: v.now.AddDate(10, 0, 0)})
	if len(form.Problems) > 0 {
		return v.renewForm(http.StatusBadRequest, form)
	}
	_, err := v.Changer.Renew(v.r.Context(), v.actor(), v.grantID(), form.terms.ExpiresAt, v.seen())
	if form.refused(v, err) {
		return v.renewForm(http.StatusBadRequest, form)
	}
	return v.changed("renewed", err)
}

// givePage is the way without a request: a person knows the partner and gives what it
// needs (facts about it come from its own page).
func (v *visit) givePage() error { return v.giveForm(http.StatusOK, termsForm{}) }

func (v *visit) giveForm(status int, given termsForm) error {
	data, err := v.readPartner()
	if err != nil {
		return err
	}
	if !given.Sent {
		given = v.termsOf(nil, models.GrantLists{}, v.now.AddDate(1, 0, 0))
		given.MaxUntil = ""
	}
	edit := editPage{Facts: data.partnerFacts, Choices: v.choices(consent.GrantScopes(), given.Scopes), Given: given}
	offered, err := v.Consents.Offered(v.r.Context(), v.actor(), data.ID)
	if err != nil {
		return err
	}
	edit.Words = consent.Wording(v.Lang(), offered)
	edit.Seen = edit.Words.Digest()
	v.show(status, "give", v.T("give.heading", "partner", data.Name), edit)
	return nil
}

func (v *visit) give() error {
	if !v.session.Fresh {
		return errNotFresh
	}
	form := v.readTerms(bounds{Scopes: consent.GrantScopes(), Until: v.now.AddDate(10, 0, 0)})
	if len(form.Problems) > 0 {
		return v.giveForm(http.StatusBadRequest, form)
	}
	grant, err := v.Decider.Give(v.r.Context(), v.actor(), consent.Gift{
		Partner: models.PartnerID(v.params["id"]), Scopes: form.terms.Scopes, Limits: form.someLimits(), ExpiresAt: form.terms.ExpiresAt,
		Shown: v.seen(),
	})
	if form.refused(v, err) {
		return v.giveForm(http.StatusBadRequest, form)
	}
	if err != nil {
		return again(err)
	}
	v.done("granted", grantPath+"/"+string(grant.ID))
	return nil
}
