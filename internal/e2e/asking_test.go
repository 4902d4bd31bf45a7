package e2e

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/db"
)

// A partner asks, reminds, renews its link and comes to the end of its patience's caps;
// the customer needs no link to find what waits, grants it, and stops hearing of the
// partner, which cannot tell. No log ever holds the secret of a link.
func TestAskingForConsent(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		reseller, customer := p.commandLine(r, p.reseller), p.commandLine(r, p.customer)
		var secrets []string
		ask := func(want int) (made wire.Consent) {
			t.Helper()
			out := reseller.run(want, "consent", "request", p.tenant, "--purpose", "laptops of order 4711", "--manufacturer", "Contoso", "-o", "json")
			if want == 0 {
				mustJSON(t, out, &made)
				secrets = append(secrets, secretOf(t, made))
			}
			return made
		}
		first := ask(0)
		if left := time.Until(first.Link.Until); left < 6*24*time.Hour || left > 7*24*time.Hour {
			t.Errorf("the link lasts %v", left)
		}
		if shown := reseller.run(0, "consent", "show", first.ID, "-o", "json"); strings.Contains(shown, secrets[0]) {
			t.Errorf("the link is shown again: %s", shown)
		}
		var renewed wire.Consent
		mustJSON(t, reseller.run(0, "consent", "link", first.ID, "-o", "json"), &renewed)
		if secrets = append(secrets, secretOf(t, renewed)); secrets[1] == secrets[0] {
			t.Error("the new link is the old one")
		}
		var refusal *client.APIError
		if _, err := p.as(r, p.reseller).RemindConsent(t.Context(), first.ID); !errors.As(err, &refusal) || refusal.Status != 429 || refusal.RetryAfter < 71*time.Hour {
			t.Errorf("a reminder at once: %v", err)
		}
		if _, stderr, code := reseller.try("consent", "request", p.tenant, "--purpose", "see https://evil.example/pay"); code != 1 || !strings.Contains(stderr, "purpose") {
			t.Errorf("a purpose with a link: %d %s", code, stderr)
		}

		// I5: five questions wait at most, whether the customer exists or not.
		for range 4 {
			ask(0)
		}
		if _, stderr, code := reseller.try("consent", "request", p.tenant, "--purpose", "once more"); code != 5 || !strings.Contains(stderr, "wait for an answer") {
			t.Errorf("the sixth: exit code %d: %s", code, stderr)
		}
		for range 5 {
			reseller.run(0, "consent", "request", "nobody.example", "--purpose", "laptops")
		}
		reseller.run(5, "consent", "request", "nobody.example", "--purpose", "laptops")

		// I7: the customer finds the request without any link.
		var waiting struct{ Items []wire.Consent }
		mustJSON(t, customer.run(0, "consent", "list", "--state", "pending", "-o", "json"), &waiting)
		if len(waiting.Items) != 5 || waiting.Items[4].ID != first.ID {
			t.Fatalf("waiting: %+v", waiting.Items)
		}
		var grant wire.Consent
		mustJSON(t, customer.run(0, "consent", "grant", first.ID, "-o", "json"), &grant)

		// The customer has enough.
		customer.run(0, "consent", "block", p.partner, "--reason", "too many questions")
		if out := customer.run(0, "consent", "list", "--state", "pending", "-o", "json"); strings.Contains(out, first.Tenant.Addressed) {
			t.Errorf("the partner's requests still wait: %s", out)
		}
		blind := ask(0) // the granted one made room
		if out := customer.run(0, "consent", "list", "-o", "json"); strings.Contains(out, blind.ID) || !strings.Contains(out, grant.ID) {
			t.Errorf("after the block the customer sees: %s", out)
		}
		if out := customer.run(0, "consent", "blocked"); !strings.Contains(out, "Northwind Devices") || !strings.Contains(out, "too many questions") {
			t.Errorf("blocked: %s", out)
		}
		if out := customer.run(0, "consent", "block", p.partner, "--end-grant"); !strings.Contains(out, "nothing was registered after") {
			t.Errorf("end of the grant: %s", out)
		}
		customer.run(0, "consent", "unblock", p.partner)
		if out := customer.run(0, "consent", "list", "-o", "json"); strings.Contains(out, blind.ID) {
			t.Error("what was asked during the block shows up after it")
		}

		link, err := p.as(r, p.reseller).RelationshipRequest(t.Context())
		if err != nil || !strings.HasSuffix(link.URL, "/portal/requests?partner="+p.partner) {
			t.Errorf("relationship request %+v, %v", link, err)
		}
		// I1: whatever was done, no log holds a secret, not even of a link that was opened.
		for _, secret := range secrets {
			open(t, r.url+"/portal/r/"+secret)
		}
		for _, secret := range secrets {
			if strings.Contains(r.log.String(), secret) {
				t.Errorf("the log holds the secret of a link:\n%s", r.log)
			}
		}
	})
}

// open opens an address as a browser does that follows nothing.
func open(t *testing.T, address string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

var linkForm = regexp.MustCompile(`^http://gateway\.test/portal/r/([A-Za-z0-9_-]{43})$`)

// secretOf takes the secret out of a link as it is told once.
func secretOf(t *testing.T, c wire.Consent) string {
	t.Helper()
	if c.Link == nil || !linkForm.MatchString(c.Link.URL) {
		t.Fatalf("link %+v", c.Link)
	}
	return linkForm.FindStringSubmatch(c.Link.URL)[1]
}

// A customer's client decides only while its row says so: the right is read at each
// decision, and a token from before does not help.
func TestRightToDecideIsReadAtTheDecision(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.Postgres)
	r := s.start()
	p := newPeople(t, s)
	made, err := p.as(r, p.reseller).RequestConsent(t.Context(), wire.ConsentAsk{Tenant: p.tenant, Purpose: "roll-out", Scopes: []string{"devices.register"}})
	if err != nil {
		t.Fatal(err)
	}
	customer := p.as(r, p.customer)
	if _, err := customer.Consent(t.Context(), made.ID); err != nil { // it holds a token now
		t.Fatal(err)
	}
	if _, err := s.postgres().ExecContext(t.Context(), "UPDATE oauth_clients SET scopes = 'consents.read' WHERE id = $1", p.customer.ID); err != nil {
		t.Fatal(err)
	}
	// For a second the edge may still think that it has the right; whoever decides does not.
	var refusal *client.APIError
	if _, err := customer.GrantConsent(t.Context(), made.ID, wire.ConsentTerms{}); !errors.As(err, &refusal) || refusal.Status != 403 ||
		refusal.Reason != "insufficient_scope" && refusal.Reason != "consent_right_missing" {
		t.Errorf("a grant after the right ended: %v", err)
	}
}
