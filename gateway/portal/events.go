package portal

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"countersign/internal/ledger"
	"countersign/models"
)

// eventList is a part of everything that happened about the tenant, newest first.
type eventList struct {
	Items []eventLine
	Older string // address; empty at the beginning of everything
	Newer string
}

// eventLine is one thing that happened.
type eventLine struct {
	Seq    int64
	Kind   string
	Actor  string
	At     time.Time
	Reason string
	Path   string // the page of what it is about; empty without one
	Detail string // the partner or person it is about, as far as the entry says
}

// listEvents shows the tenant's part of the ledger.
func (v *visit) listEvents() error {
	chain := ledger.ChainOfTenant(v.session.Person.TenantID)
	end, err := v.Ledger.End(v.r.Context(), chain)
	if err != nil {
		return err
	}
	top := end
	if asked, err := strconv.ParseInt(v.r.URL.Query().Get("to"), 10, 64); err == nil && asked > 0 && asked < end {
		top = asked
	}
	from := max(0, top-listPage)
	items, err := v.Ledger.Page(v.r.Context(), chain, from, int(max(1, top-from)))
	if err != nil {
		return err
	}
	list := eventList{}
	for i := len(items) - 1; i >= 0; i-- {
		line, err := readEvent(items[i])
		if err != nil {
			return err
		}
		list.Items = append(list.Items, line)
	}
	if from > 0 {
		list.Older = eventsPath + "?to=" + strconv.FormatInt(from, 10)
	}
	if top < end {
		list.Newer = eventsPath + "?to=" + strconv.FormatInt(min(end, top+listPage), 10)
	}
	v.show(http.StatusOK, "events", v.T("events.title"), list)
	return nil
}

func readEvent(item ledger.Item) (eventLine, error) {
	// What a page needs of a line. Bodies differ by kind; these two members mean the same
	// wherever they are.
	var line struct {
		Kind      string    `json:"kind"`
		Subject   string    `json:"subject"`
		SubjectID string    `json:"subjectId"`
		Actor     string    `json:"actor"`
		At        time.Time `json:"at"`
		Body      struct {
			Reason string `json:"reason"`
			Name   string `json:"name"`
		} `json:"body"`
	}
	if err := json.Unmarshal(item.Line, &line); err != nil {
		return eventLine{}, err
	}
	event := eventLine{Seq: item.Seq, Kind: line.Kind, Actor: line.Actor, At: line.At, Reason: line.Body.Reason, Detail: line.Body.Name}
	if models.ValidGUID(line.SubjectID) {
		switch line.Subject {
		case ledger.OfRequest:
			event.Path = requestPath + "/" + line.SubjectID
		case ledger.OfGrant:
			event.Path = grantPath + "/" + line.SubjectID
		}
	}
	return event, nil
}

// KindKey is the key of the sentence about a kind: one for each kind we know.
func (p *page) KindKey(kind string) string {
	if key := "event." + kind; p.Has(key) {
		return key
	}
	family, _, _ := strings.Cut(kind, ".")
	if key := "event.any." + family; p.Has(key) {
		return key
	}
	return "event.any"
}
