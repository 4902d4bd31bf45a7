package notice

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"countersign/internal/ledger"
	"countersign/internal/ledger/proof"
	"countersign/models"
)

// occasion is something that people are told of.
type occasion struct {
	name    string // of the texts in the catalogue
	key     string // what makes it one: the id of the ledger's entry, or a name of its own
	partner models.Partner
	tenant  *models.Tenant // nil: none that is here
	named   string         // the tenant as the partner wrote it, of a request
	terms   *terms         // what is asked for or allowed; nil shows none
	days    int            // until the end, of expiring
}

// terms are what an entry of the ledger tells of a request or a grant.
type terms struct {
	From           string    `json:"from"`
	To             string    `json:"to"`
	Tenant         string    `json:"tenant"`
	Purpose        string    `json:"purpose"`
	Reference      string    `json:"reference"`
	Scopes         []string  `json:"scopes"`
	DeviceLimit    *int64    `json:"deviceLimit"`
	Manufacturers  []string  `json:"manufacturers"`
	GroupTags      []string  `json:"groupTags"`
	PurchaseOrders []string  `json:"purchaseOrders"`
	Until          time.Time `json:"until"`
}

// occasions are the names of what kinds of entries tell. A kind that is not here tells
// nobody: of revoking, the revocation that follows does.
var occasions = map[string]string{
	ledger.ConsentRequested: "requested", ledger.ConsentReminded: "reminded", ledger.ConsentGranted: "granted",
	ledger.ConsentDeclined: "declined", ledger.ConsentWithdrawn: "withdrawn", ledger.ConsentExpired: "expired",
	ledger.ConsentAmended: "amended", ledger.ConsentRenewed: "renewed", ledger.ConsentSuspended: "suspended",
	ledger.ConsentResumed: "resumed", ledger.ConsentRevoked: "revoked", ledger.ConsentGivenBack: "givenback",
}

// nameOf is the occasion of an entry; empty for none.
func nameOf(l proof.Line) string {
	name := occasions[l.Kind]
	if name == "expired" && l.Subject == ledger.OfRequest {
		name = "lapsed"
	}
	return name
}

// readTerms reads the body of an entry about a request or a grant.
func readTerms(body []byte) (*terms, error) {
	var t terms
	return &t, json.Unmarshal(body, &t)
}

// forTenant writes the mail to those who speak for the tenant.
func (c *composer) forTenant(o occasion) (subject, text string) {
	w := c.words.in(o.tenant.Language)
	values := c.values(w, o)
	body := []string{w.say("tenant."+o.name+".text", values), c.details(w, o, "label.partner", values["partner"]), w.say("footer.tenant", values)}
	return w.say("tenant."+o.name+".subject", values), paragraphs(body)
}

// forPartner writes the mail to the partner's contact.
func (c *composer) forPartner(o occasion) (subject, text string) {
	w := c.words.in(DefaultLanguage)
	values := c.values(w, o)
	body := []string{w.say("partner."+o.name+".text", values), c.details(w, o, "label.tenant", values["tenant"]), w.say("footer.partner", values)}
	return w.say("partner."+o.name+".subject", values), paragraphs(body)
}

// forDigest writes the mail about what was registered on a day.
func (c *composer) forDigest(tenant models.Tenant, day time.Time, counts []counted) (subject, text string) {
	w := c.words.in(tenant.Language)
	values := c.values(w, occasion{tenant: &tenant})
	values["day"] = day.Format(time.DateOnly)
	var lines []string
	for _, n := range counts {
		lines = append(lines, w.say("digest.line", map[string]string{
			"partner": plain(n.Name, maxName, w["removed"]), "devices": w.number("devices", n.Devices),
		}))
	}
	body := []string{w.say("tenant.digest.text", values), strings.Join(lines, "\n"), w.say("footer.tenant", values)}
	return w.say("tenant.digest.subject", values), paragraphs(body)
}

// composer writes mails.
type composer struct {
	words  catalogue
	portal string // where people sign in
}

// values are what the texts have places for. Each is one harmless line.
func (c *composer) values(w words, o occasion) map[string]string {
	out := map[string]string{
		"partner": plain(o.partner.Name, maxName, w["removed"]), "portal": c.portal,
		"tenant": line(o.named, maxName), "days": w.number("days", int64(o.days)),
	}
	if o.tenant != nil && o.named == "" {
		out["tenant"] = plain(o.tenant.Name, maxName, w["removed"])
	}
	return out
}

// details lists what a request asks for or a grant allows.
func (c *composer) details(w words, o occasion, other, name string) string {
	lines := []string{w.say(other, map[string]string{"value": name})}
	if o.terms == nil {
		return lines[0]
	}
	add := func(label, value string) {
		if value != "" {
			lines = append(lines, w.say(label, map[string]string{"value": value}))
		}
	}
	t := o.terms
	add("label.purpose", plain(t.Purpose, maxText, w["removed"]))
	add("label.reference", plain(t.Reference, maxText, w["removed"]))
	scopes := make([]string, len(t.Scopes))
	for i, s := range t.Scopes {
		scopes[i] = w.scope(s)
	}
	add("label.scopes", strings.Join(scopes, "; "))
	if t.DeviceLimit != nil {
		add("label.limit", strconv.FormatInt(*t.DeviceLimit, 10))
	} else {
		lines = append(lines, w["label.nolimit"])
	}
	add("label.manufacturers", plain(strings.Join(t.Manufacturers, "; "), maxText, w["removed"]))
	add("label.tags", plain(strings.Join(t.GroupTags, "; "), maxText, w["removed"]))
	add("label.orders", plain(strings.Join(t.PurchaseOrders, "; "), maxText, w["removed"]))
	if !t.Until.IsZero() {
		add("label.until", t.Until.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return strings.Join(lines, "\n")
}

// number writes how many of something there are.
func (w words) number(what string, n int64) string {
	if n == 1 {
		return w[what+".1"]
	}
	return w.say(what+".n", map[string]string{"n": strconv.FormatInt(n, 10)})
}

func paragraphs(parts []string) string { return strings.Join(parts, "\n\n") + "\n" }
