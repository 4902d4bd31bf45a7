package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"countersign/gateway"
	"countersign/gateway/client"
	"countersign/internal/db"
)

// Every call of the API is made by another partner and by another customer, with the ids of
// what is not theirs (API1 of the OWASP API security list). None of it is shown or changed,
// and what is somebody else's looks like what does not exist.
func TestRoutes_nobodyReachesWhatIsAnothers(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.Postgres, "COUNTERSIGN_REQUESTS_PER_MINUTE=100000")
	r := s.start()
	p := newPeople(t, s)
	grant := p.agree(r, p.tenant, p.customer)
	mine := p.as(r, p.reseller)
	d := p.delivery(p.tenant, 2)
	receipt := p.send(mine, d)
	device := *p.outcome(mine, p.tenant, receipt.TrackingID, 60*time.Second).DevicesStatus[0].DeviceID
	file, err := mine.CreateFile(t.Context(), client.Submission{Tenant: p.tenant, Batch: "in parts", Body: client.BytesBody("text/csv", []byte("Hardware Hash\nT0E\n"))})
	if err != nil {
		t.Fatal(err)
	}
	var other, elsewhere struct{ ID string }
	var partner, tenant credential
	s.admin(&other, "partner", "create", "--kind", "indirect_provider", "--name", "Elm Street")
	s.admin(&partner, "client", "create", "--partner", other.ID, "--name", "line")
	s.admin(&elsewhere, "tenant", "create", "--name", "Contoso")
	s.admin(&tenant, "client", "create", "--tenant", elsewhere.ID, "--name", "IT", "--can-decide", "--can-register")

	theirs := []string{p.partner, p.tenant, grant, receipt.TrackingID, device, file, p.customer.ID, p.reseller.ID, d.batch}
	fill := strings.NewReplacer("{tenant}", p.tenant, "{batch}", "batch%201", "{device}", device, "{tracking}", receipt.TrackingID, "{id}", grant,
		"{file}", file, "{partner}", p.partner, "{client}", p.customer.ID, "{person}", device, "{domain}", "fabrikam.example", "{scope}", "consents.decide")
	// What the callers do to themselves, blocking a partner or making a client, is theirs and names
	// them; no row without their names may come, go or change.
	callers := []string{other.ID, elsewhere.ID, partner.ID, tenant.ID}
	var before string
	await(t, 60*time.Second, "the ledger to be in order", func(context.Context) bool {
		last := before
		before = s.mentions(theirs, callers)
		return before == last && s.number("SELECT count(*) FROM dispatches WHERE state <> 'done'") == 0
	})
	calls := 0
	for _, who := range []credential{partner, tenant} {
		w := p.rawAs(r, who)
		for _, route := range gateway.Routes() {
			if route.Scope == "" {
				continue
			}
			path := fill.Replace(route.Path)
			for _, query := range []string{"", "?tenant=" + p.tenant, "?partner=" + p.partner} {
				status, body := w.ask(t, route.Method, path+query)
				calls++
				if status >= 500 {
					t.Errorf("%s %s as %s: %d %s", route.Method, path+query, who.ID, status, body)
				}
				for _, id := range theirs {
					if id == p.partner && who == tenant {
						continue // a customer may know and block any partner
					}
					// What the caller itself wrote may come back in a refusal.
					if strings.Contains(body, id) && (status < 300 || !strings.Contains(path+query, id)) {
						t.Errorf("%s %s as %s shows %s: %d %s", route.Method, path+query, who.ID, id, status, body)
					}
				}
			}
		}
	}
	if after := s.mentions(theirs, callers); after != before {
		t.Errorf("something of others was changed\nbefore\n%s\nafter\n%s", before, after)
	}
	if calls < 200 {
		t.Errorf("only %d calls were made", calls)
	}
}

// rawAs is raw for another credential.
func (p *people) rawAs(r *replica, c credential) *raw {
	p.t.Helper()
	whose := p.reseller
	p.reseller = c
	defer func() { p.reseller = whose }()
	return p.raw(r)
}

// ask makes a call with an empty object for a body and returns status and answer.
func (w *raw) ask(t *testing.T, method, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.base+path, bytes.NewReader([]byte("{}")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/json")
	if strings.Contains(path, "/v1/files/") {
		req.Header.Set("Tus-Resumable", "1.0.0")
		req.Header.Set("Upload-Offset", "0")
		req.Header.Set("Content-Type", "application/offset+octet-stream")
	}
	quick := http.Client{Timeout: 3 * time.Second} // a stream that is given out would not end
	res, err := quick.Do(req)
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
		return 0, ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, string(text)
}

func containsAny(text string, parts []string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
}

// mentions are all rows of all tables in which one of the ids stands, in order. Not among
// them are rows that name somebody of not, and notes of when a client was used last.
func (s *site) mentions(ids, not []string) string {
	s.t.Helper()
	var found []string
	for table, text := range s.everything() {
		if strings.HasSuffix(table, "oauth_clients") || strings.HasPrefix(table, "/") {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if containsAny(line, not) {
				continue
			}
			for _, id := range ids {
				if strings.Contains(line, id) {
					found = append(found, table+": "+strings.TrimSpace(line))
					break
				}
			}
		}
	}
	sort.Strings(found)
	return strings.Join(found, "\n")
}
