package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"countersign/consent"
	"countersign/models"
)

// endAllPage asks before every permission ends, or every one of a partner.
type endAllPage struct {
	Partner *partnerFacts // nil: of every partner
	Lines   []grantLine   // what would end
	Problem string
}

// Count is how many permissions would end; the reader repeats it.
func (p endAllPage) Count() int64 { return int64(len(p.Lines)) }

// Back is the page this one was opened from.
func (p endAllPage) Back() string {
	if p.Partner == nil {
		return grantPath
	}
	return partnerPath + "/" + string(p.Partner.ID)
}

func (v *visit) endAllPage() error {
	return v.endAllForm(http.StatusOK, strings.ToLower(v.r.URL.Query().Get("partner")), "")
}

func (v *visit) endAllForm(status int, partner, wrong string) error {
	data := endAllPage{Problem: wrong}
	title := v.T("endall.heading")
	if partner != "" {
		if !models.ValidGUID(partner) {
			return errNoPage
		}
		facts, err := v.knownPartner(models.PartnerID(partner))
		if err != nil {
			return err
		}
		data.Partner, title = &facts, v.T("endall.partner", "partner", facts.Name)
	}
	var err error
	if data.Lines, err = v.liveGrants(v.r.Context(), models.PartnerID(partner)); err != nil {
		return err
	}
	v.show(status, "end-all", title, data)
	return nil
}

// liveGrants are the permissions that RevokeAll would end: those of every partner, or of
// one and of those that act under its permissions.
func (v *visit) liveGrants(ctx context.Context, partner models.PartnerID) (live []grantLine, err error) {
	for _, state := range []models.GrantState{models.GrantActive, models.GrantSuspended} {
		filter := consent.Filter{Viewer: v.actor(), State: string(state), Limit: consent.MaxPage}
		for {
			items, next, err := v.Consents.List(ctx, filter)
			if err != nil {
				return nil, err
			}
			for _, item := range items {
				if partner == "" || item.Grant.PartnerID == partner || item.Root != nil && item.Root.PartnerID == partner {
					live = append(live, v.grantLine(item))
				}
			}
			if next == "" {
				break
			}
			filter.Cursor = next
		}
	}
	return live, nil
}

// endAll ends them when the reader has repeated how many they are. Like every end it needs
// no reason and no fresh sign-in.
func (v *visit) endAll() error {
	partner := strings.ToLower(v.field("partner"))
	if partner != "" && !models.ValidGUID(partner) {
		return errFormKind
	}
	count, err := strconv.Atoi(v.field("count"))
	if err != nil || count < 1 {
		return v.endAllForm(http.StatusBadRequest, partner, v.T("endall.number"))
	}
	_, err = v.Changer.RevokeAll(v.r.Context(), v.actor(), models.PartnerID(partner), count, v.field("reason"))
	if errors.Is(err, consent.ErrCount) {
		return v.endAllForm(http.StatusConflict, partner, v.T("endall.mismatch"))
	}
	if err != nil {
		return err
	}
	v.done("ended_all", grantPath+"?"+url.Values{"state": {"ended"}}.Encode())
	return nil
}
