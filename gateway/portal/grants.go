package portal

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"countersign/consent"
	"countersign/models"
)

// grantList is the permissions, those in force or those that have ended.
type grantList struct {
	Ended bool
	Items []grantLine
	More  string
}

// grantLine is one permission in a list.
type grantLine struct {
	*models.Grant
	Partner string
	Gauge   gauge
	Words   consent.Words
}

// gauge shows how much of a permission is used.
type gauge struct {
	Used, Reserved int64
	Limit          *int64
}

func gaugeOf(g *models.Grant) gauge {
	return gauge{Used: g.DevicesUsed, Reserved: g.DevicesReserved, Limit: g.DeviceLimit}
}

// Left is how many devices may still be added; 0 with no limit means nothing.
func (g gauge) Left() int64 {
	if g.Limit == nil {
		return 0
	}
	return max(0, *g.Limit-g.Used-g.Reserved)
}

// gaugeWidth is how wide the picture of a gauge is, in its own units.
const gaugeWidth = 1000

// UsedWidth is the used part of the picture.
func (g gauge) UsedWidth() int64 { return g.width(g.Used) }

// ReservedWidth is the part that is under way.
func (g gauge) ReservedWidth() int64 {
	return min(g.width(g.Used+g.Reserved), gaugeWidth) - g.UsedWidth()
}

func (g gauge) width(n int64) int64 {
	if g.Limit == nil || *g.Limit <= 0 {
		return 0
	}
	return min(gaugeWidth, n*gaugeWidth / *g.Limit)
}

// over reports whether a grant has ended for good.
func over(state models.GrantState) bool {
	return state == models.GrantRevoking || state == models.GrantRevoked || state == models.GrantExpired
}

func (v *visit) listGrants() error {
	q := v.r.URL.Query()
	list := grantList{Ended: q.Get("state") == "ended"}
	items, next, err := v.Consents.List(v.r.Context(), consent.Filter{Viewer: v.actor(), Cursor: q.Get("after"), Limit: consent.MaxPage})
	if err != nil {
		return err
	}
	list.More = v.more(next)
	for _, item := range items {
		if item.Kind == consent.KindGrant && over(item.Grant.State) == list.Ended {
			list.Items = append(list.Items, v.grantLine(item))
		}
	}
	v.show(http.StatusOK, "permissions", v.T("permissions.title"), list)
	return nil
}

func (v *visit) grantLine(item consent.Consent) grantLine {
	return grantLine{
		Grant: item.Grant, Partner: item.PartnerName, Gauge: gaugeOf(item.Grant),
		Words: consent.Wording(v.Lang(), consent.PromiseOfGrant(*item.Grant)),
	}
}

// grantPageData is one permission with everything that happened to it.
type grantPageData struct {
	grantLine
	Facts   partnerFacts
	Request *models.ConsentRequest
	History []models.ConsentEvent
	InForce bool
	Paused  bool
	Ending  bool
	Derived []consent.Consent // permissions of others that rest on it
	Waiting int64             // devices accepted and not registered yet
	Stay    int64             // devices that stay when it ends
	Moment  *time.Time        // when the core acknowledged the end
	NoLater time.Time         // after this nothing can land, whatever the core says
}

func (v *visit) showGrant() error {
	data, err := v.readGrant()
	if err != nil {
		return err
	}
	v.show(http.StatusOK, "permission", v.T("permission.heading", "partner", data.Partner), data)
	return nil
}

// readGrant reads a permission; a request's id leads to the permission it became.
func (v *visit) readGrant() (grantPageData, error) {
	found, err := v.Consents.Get(v.r.Context(), v.actor(), v.params["id"])
	if err != nil {
		return grantPageData{}, err
	}
	if found.Grant == nil {
		return grantPageData{}, consent.ErrNotFound
	}
	g := found.Grant
	data := grantPageData{
		grantLine: v.grantLine(found), Request: found.Request,
		InForce: g.State == models.GrantActive && v.now.Before(g.ExpiresAt), Paused: g.State == models.GrantSuspended, Ending: g.State == models.GrantRevoking,
	}
	if data.Facts, err = v.partner(g.PartnerID, found.PartnerName); err != nil {
		return data, err
	}
	data.Partner = data.Facts.Name
	if data.History, err = v.Consents.History(v.r.Context(), v.actor(), string(g.ID)); err != nil {
		return data, err
	}
	data.moments()
	return data, v.consequences(&data)
}

// consequences finds what the end of a permission would mean, while it lasts.
func (v *visit) consequences(data *grantPageData) error {
	if !data.InForce && !data.Paused {
		return nil
	}
	found, err := v.Changer.PreviewEnd(v.r.Context(), v.actor(), data.ID)
	data.Derived, data.Waiting, data.Stay = found.Derived, found.Waiting, found.Stay
	return err
}

// moments finds when the end was final.
func (d *grantPageData) moments() {
	if d.EndedAt != nil {
		d.NoLater = d.EndedAt.Add(consent.NotAfterBound + consent.ClockSkew)
	}
	at := slices.IndexFunc(d.History, func(e models.ConsentEvent) bool { return e.ToState == string(models.GrantRevoked) })
	if at >= 0 {
		d.Moment = &d.History[at].At
	}
}

// Newest is the history, newest first.
func (d grantPageData) Newest() []models.ConsentEvent {
	newest := slices.Clone(d.History)
	slices.Reverse(newest)
	return newest
}

// changing is a page that asks before something is changed.
func (v *visit) changing(name, titleKey string, possible func(grantPageData) bool) error {
	data, err := v.readGrant()
	if err != nil {
		return err
	}
	if !possible(data) {
		v.done("state_changed", grantPath+"/"+string(data.ID))
		return nil
	}
	v.show(http.StatusOK, name, v.T(titleKey, "partner", data.Partner), data)
	return nil
}

func (v *visit) suspendPage() error {
	return v.changing("suspend", "suspend.heading", func(d grantPageData) bool { return d.InForce })
}

func (v *visit) resumePage() error {
	return v.changing("resume", "resume.heading", func(d grantPageData) bool { return d.Paused })
}

func (v *visit) endPage() error {
	return v.changing("end", "end.heading", func(d grantPageData) bool { return d.InForce || d.Paused })
}

func (v *visit) suspend() error {
	_, err := v.Changer.Suspend(v.r.Context(), v.actor(), v.grantID(), v.field("reason"))
	return v.changed("suspended", err)
}

// resume lets a partner act again, so it asks for the same fresh sign-in as a yes does.
func (v *visit) resume() error {
	if !v.session.Fresh {
		return errNotFresh
	}
	_, err := v.Changer.Resume(v.r.Context(), v.actor(), v.grantID(), v.field("reason"))
	return v.changed("resumed", err)
}

// end needs no reason and no fresh sign-in: taking back is never made harder.
func (v *visit) end() error {
	_, err := v.Changer.Revoke(v.r.Context(), v.actor(), v.grantID(), v.field("reason"))
	if errors.Is(err, consent.ErrWrongState) {
		return v.changed("", err)
	}
	if err != nil {
		return err
	}
	v.redirect(grantPath + "/" + v.params["id"] + "/ended")
	return nil
}

func (v *visit) grantID() models.GrantID { return models.GrantID(v.params["id"]) }

// changed leads to the permission, which shows the state as it is.
func (v *visit) changed(word string, err error) error {
	if errors.Is(err, consent.ErrWrongState) {
		word, err = "state_changed", nil
	}
	if err != nil {
		return again(err)
	}
	v.done(word, grantPath+"/"+v.params["id"])
	return nil
}

// again tells consent's wish for a fresh sign-in in the words of the pages.
func again(err error) error {
	if errors.Is(err, consent.ErrSignInAgain) {
		return errNotFresh.WithCause(err)
	}
	return err
}

// lookAgain is how long the page of an end that is under way waits before it looks again.
const lookAgain = "5"

// ended shows the exact moment of an end, or that it is under way. The page looks again by
// itself only while there is something to wait for, and only as long as the reader lets it.
func (v *visit) ended() error {
	data, err := v.readGrant()
	if err != nil {
		return err
	}
	if !over(data.State) {
		v.redirect(grantPath + "/" + v.params["id"])
		return nil
	}
	status, title := http.StatusOK, "ended.heading"
	if data.Ending {
		status, title = http.StatusAccepted, "ended.waiting"
		if v.r.URL.Query().Get("stay") == "" {
			v.w.Header().Set("Refresh", lookAgain)
		}
	}
	v.show(status, "ended", v.T(title, "partner", data.Partner), data)
	return nil
}
