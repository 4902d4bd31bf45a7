package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"countersign/consent"
	"countersign/models"
	"countersign/partners"
)

// partnerList finds a partner, and shows those that may not ask.
type partnerList struct {
	Asked   string // what was looked for
	Missing bool   // and not found
	Blocked []consent.Block
}

// listPartners looks a partner up by what stands on its papers: its id here, or its
// partner network id. It is no list of all partners, and finds nobody by a part of a name.
func (v *visit) listPartners() error {
	list := partnerList{Asked: strings.TrimSpace(v.r.URL.Query().Get("find"))}
	if list.Asked != "" {
		id, ok, err := v.Directory.PartnerNamed(v.r.Context(), list.Asked)
		if err != nil {
			return err
		}
		if ok {
			v.redirect(partnerPath + "/" + url.PathEscape(string(id)))
			return nil
		}
		list.Missing = true
	}
	var err error
	if list.Blocked, err = v.Blocks.Blocked(v.r.Context(), v.actor()); err != nil {
		return err
	}
	v.show(http.StatusOK, "partners", v.T("partners.title"), list)
	return nil
}

// partnerPageData is one partner as this tenant stands to it.
type partnerPageData struct {
	partnerFacts
	Block  *consent.Block
	Grants []grantLine // in force
	Asks   []requestLine
}

func (v *visit) showPartner() error {
	data, err := v.readPartner()
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "partner", data.Name, data)
	return nil
}

func (v *visit) readPartner() (partnerPageData, error) {
	id := models.PartnerID(v.params["id"])
	facts, err := v.knownPartner(id)
	if err != nil {
		return partnerPageData{}, err
	}
	data := partnerPageData{partnerFacts: facts}
	blocked, err := v.Blocks.Blocked(v.r.Context(), v.actor())
	if err != nil {
		return data, err
	}
	for i := range blocked {
		if blocked[i].Partner == id {
			data.Block = &blocked[i]
		}
	}
	items, _, err := v.Consents.List(v.r.Context(), consent.Filter{Viewer: v.actor(), PartnerID: id, Limit: consent.MaxPage})
	if err != nil {
		return data, err
	}
	for _, item := range items {
		switch {
		case item.Kind == consent.KindGrant && !over(item.Grant.State):
			data.Grants = append(data.Grants, v.grantLine(item))
		case item.Kind == consent.KindRequest && item.Request.State == models.RequestPending:
			data.Asks = append(data.Asks, requestLine{item.Request, item.PartnerName})
		}
	}
	return data, nil
}

// knownPartner reads a partner that an address names.
func (v *visit) knownPartner(id models.PartnerID) (partnerFacts, error) {
	facts, err := v.partner(id, "")
	if errors.Is(err, partners.ErrPartnerNotFound) {
		return facts, errNoPage
	}
	return facts, err
}

func (v *visit) blockPartner() error {
	id := models.PartnerID(v.params["id"])
	how := consent.Blocking{Reason: v.field("reason"), EndGrant: v.field("end") == "yes"}
	if _, err := v.Blocks.Block(v.r.Context(), v.actor(), id, how); err != nil {
		return err
	}
	v.done("blocked", partnerPath+"/"+v.params["id"])
	return nil
}

func (v *visit) unblockPartner() error {
	if err := v.Blocks.Unblock(v.r.Context(), v.actor(), models.PartnerID(v.params["id"])); err != nil {
		return err
	}
	v.done("unblocked", partnerPath+"/"+v.params["id"])
	return nil
}
