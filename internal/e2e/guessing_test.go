package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
)

// API6 (mass claiming): a partner that names devices which are not there is held back
// from naming more, told when it may, and goes on with hashes; others are not touched.
func TestGuessing_isLimitedPerPartner(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite, "COUNTERSIGN_MISSES_PER_HOUR=5")
	r := s.start()
	p := newPeople(t, s)
	p.agree(r, p.tenant, p.customer)
	cl := p.as(r, p.reseller)
	guesses := func(n int) []map[string]any {
		rows := make([]map[string]any, n)
		for i := range rows {
			rows[i] = keyOf(p.devices.Next())
		}
		return rows
	}
	same(t, "guesses", p.codes(cl, p.rowsOf(p.tenant, "guesses", guesses(6)...)), strings.Split(strings.Repeat("812 ", 6), " ")[:6]...)
	await(t, 30*time.Second, "the guesses to be counted", func(context.Context) bool {
		return strings.Contains(r.log.String(), "used up its probing limit")
	})

	_, err := cl.Submit(t.Context(), p.rowsOf(p.tenant, "more", guesses(1)...))
	var refused *client.APIError
	if !errors.As(err, &refused) || refused.Status != http.StatusTooManyRequests || refused.Reason != "rate_limit_exceeded" {
		t.Fatalf("the next guess: %v, want 429", err)
	}
	if refused.RetryAfter < 11*time.Minute || refused.RetryAfter > 13*time.Minute {
		t.Errorf("one miss of 5 an hour may come after %v", refused.RetryAfter)
	}
	if msg := refused.Error(); !strings.Contains(msg, "Try again in ") || strings.Contains(msg, p.partner) {
		t.Errorf("the refusal: %s", msg)
	}
	for _, d := range p.outcome(cl, p.tenant, p.send(cl, p.delivery(p.tenant, 3)).TrackingID, 30*time.Second).DevicesStatus {
		if codeOf(d) != "" {
			t.Errorf("by hash: %s", codeOf(d))
		}
	}
	line := p.as(r, p.factory(r))
	same(t, "another partner", p.codes(line, p.rowsOf(p.tenant, "other", guesses(1)...)), "812")
	if log := r.log.String(); !strings.Contains(log, p.partner) {
		t.Errorf("the log does not name the partner:\n%s", tail(log))
	}
}

// A7, API2: wrong secrets for a client from one address are slowed down there; from
// elsewhere the client still gets its tokens.
func TestGuessing_ofSecretsIsLimitedPerSource(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite, "COUNTERSIGN_FAILED_SECRETS_PER_HOUR=20", "COUNTERSIGN_TOKENS_PER_MINUTE=100000")
	r := s.start()
	p := newPeople(t, s)
	from := func(source string) *http.Client {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
		return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	}
	ask := func(c *http.Client, id, secret string) (int, http.Header) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/oauth2/token", strings.NewReader("grant_type=client_credentials"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode, resp.Header
	}
	attacker, elsewhere := from("127.0.0.2"), from("127.0.0.3")
	defer attacker.CloseIdleConnections()
	defer elsewhere.CloseIdleConnections()
	codes := map[int]int{}
	for i := range 1000 {
		code, header := ask(attacker, p.reseller.ID, fmt.Sprintf("guess-%d", i))
		codes[code]++
		if code == http.StatusTooManyRequests && header.Get("Retry-After") == "" {
			t.Fatal("429 without Retry-After")
		}
	}
	if codes[401] < 20 || codes[401] > 25 || codes[401]+codes[429] != 1000 {
		t.Errorf("1000 guesses got %v, want some 20 looked at", codes)
	}
	if code, _ := ask(attacker, p.reseller.ID, p.reseller.Secret); code != http.StatusTooManyRequests {
		t.Errorf("the right secret from there: %d; the guesses tell when they hit", code)
	}
	if code, _ := ask(attacker, p.customer.ID, p.customer.Secret); code != http.StatusOK {
		t.Errorf("another client from there: %d", code)
	}
	for range 60 { // right ones cost nothing
		if code, _ := ask(elsewhere, p.reseller.ID, p.reseller.Secret); code != http.StatusOK {
			t.Fatalf("from elsewhere: %d", code)
		}
	}
}
