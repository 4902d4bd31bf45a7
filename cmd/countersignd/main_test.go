package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/consent"
	"countersign/internal/db"
	"countersign/models"
)

// command runs the program in this process on a data directory of its own.
func command(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	code = run(args, environment{[]string{"COUNTERSIGN_DATA_DIR=" + dir}, &out, &errOut})
	return out.String(), errOut.String(), code
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cs") // the path of a unix socket is short on some systems
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestAdmin_withoutAServer(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	out, errOut, code := command(t, dir, "admin", "partner", "create", "--kind", "oem", "--name", "Fjordtek AS", "-o", "json")
	if code != 0 {
		t.Fatalf("code %d: %s", code, errOut)
	}
	var p partnerView
	if err := json.Unmarshal([]byte(out), &p); err != nil || p.Name != "Fjordtek AS" {
		t.Fatalf("printed %s, %v", out, err)
	}
	out, errOut, code = command(t, dir, "admin", "client", "create", "--partner", string(p.ID), "--name", "plant 1", "-o", "json")
	var c clientView
	if err := json.Unmarshal([]byte(out), &c); err != nil || code != 0 || c.Secret == "" {
		t.Fatalf("code %d: %s%s", code, out, errOut)
	}
	list, _, _ := command(t, dir, "admin", "client", "list", "--partner", string(p.ID))
	if !strings.Contains(list, string(c.ID)) || strings.Contains(list, c.Secret) {
		t.Errorf("list: %s", list)
	}
	if _, errOut, code = command(t, dir, "admin", "partner", "suspend", string(p.ID)); code != 0 {
		t.Errorf("suspend: %s", errOut)
	}
}

// The server's own budget flags are named alike; mistaken for a partner's they must not
// take its budgets away.
func TestAdmin_budgetNeedsOneOfItsOwnFlags(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	out, errOut, code := command(t, dir, "admin", "partner", "create", "--kind", "oem", "--name", "Fjordtek AS", "--partner-devices-per-hour", "987654321", "-o", "json")
	var p partnerView
	if err := json.Unmarshal([]byte(out), &p); err != nil || code != 0 {
		t.Fatalf("code %d: %s", code, errOut)
	}
	id := string(p.ID)
	if _, errOut, code := command(t, dir, "admin", "partner", "budget", id, "--devices-per-hour", "9"); code == 0 || !strings.Contains(errOut, "partner-devices-per-hour") {
		t.Errorf("the server's flag: code %d, %s", code, errOut)
	}
	if list, _, _ := command(t, dir, "admin", "partner", "list", "-o", "json"); !strings.Contains(list, "987654321") {
		t.Errorf("the refused command took the budget away: %s", list)
	}
	if _, errOut, code := command(t, dir, "admin", "partner", "budget", id, "--defaults"); code != 0 {
		t.Errorf("back to the defaults: %s", errOut)
	}
	if list, _, _ := command(t, dir, "admin", "partner", "list", "-o", "json"); strings.Contains(list, "987654321") {
		t.Errorf("the budget stayed: %s", list)
	}
}

// An operator accepts a link for a provider without a client of its own, and ends it.
func TestAdmin_links(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	partner := func(kind, name string) string {
		t.Helper()
		out, errOut, code := command(t, dir, "admin", "partner", "create", "--kind", kind, "--name", name, "-o", "json")
		var p partnerView
		if err := json.Unmarshal([]byte(out), &p); err != nil || code != 0 {
			t.Fatalf("code %d: %s", code, errOut)
		}
		return string(p.ID)
	}
	reseller, provider := partner("indirect_reseller", "Corner Shop"), partner("indirect_provider", "Fjord Logistics")
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + filepath.Join(dir, "gateway.db")})
	if err != nil {
		t.Fatal(err)
	}
	by := consent.Actor{Kind: models.ActorPartner, ID: "p-1", PartnerID: models.PartnerID(reseller)}
	link, err := consent.New(consent.Deps{DB: d, NewID: newID}).MakeLink(t.Context(), by, models.PartnerID(provider))
	if err := errors.Join(err, d.Close()); err != nil {
		t.Fatal(err)
	}
	id := string(link.ID)
	if _, errOut, code := command(t, dir, "admin", "link", "end", id); code == 0 || !strings.Contains(errOut, "reason") {
		t.Errorf("an end without a reason: code %d, %s", code, errOut)
	}
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"accept", id}, "active"},
		{[]string{"list", "--partner", provider}, "active"},
		{[]string{"end", id, "--reason", "contract over"}, "ended"},
	} {
		out, errOut, code := command(t, dir, append(append([]string{"admin", "link"}, step.args...), "-o", "json")...)
		if code != 0 || !strings.Contains(out, `"`+step.want+`"`) || !strings.Contains(out, id) {
			t.Errorf("%v: code %d, %s%s", step.args, code, out, errOut)
		}
	}
	if _, errOut, code := command(t, dir, "admin", "link", "accept", id); code == 0 || !strings.Contains(errOut, "not in a state") {
		t.Errorf("accepting what has ended: code %d, %s", code, errOut)
	}
}

func TestAdmin_refusalsArePlainSentences(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"an unknown kind":        {[]string{"admin", "partner", "create", "--kind", "x", "--name", "y"}, "must be oem"},
		"a missing flag":         {[]string{"admin", "partner", "create"}, "required"},
		"an id nobody has":       {[]string{"admin", "partner", "suspend", "01a205c3-54d2-7060-9a27-de04d90c3544"}, "no partner"},
		"a number that is none":  {[]string{"admin", "dispatch", "restart", "x"}, "not the number"},
		"a dispatch that is not": {[]string{"admin", "dispatch", "restart", "7"}, "No stopped dispatch"},
		"an unknown format":      {[]string{"admin", "partner", "list", "-o", "xml"}, "table or json"},
		"a revoke without why":   {[]string{"admin", "grant", "revoke", "x"}, "reason"},
	} {
		t.Run(name, func(t *testing.T) {
			_, errOut, code := command(t, dir, c.args...)
			if code != 1 || !strings.Contains(errOut, c.want) {
				t.Errorf("code %d: %s, want %q", code, errOut, c.want)
			}
		})
	}
}

// The running server answers, and a second process does not touch its database.
func TestServe_answersOperatorsAndStopsGracefully(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := defaults()
	c.DataDir, c.Listen = dir, l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err = c.complete(); err != nil {
		t.Fatal(err)
	}
	log, err := c.logger(&bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, log) }()
	awaitReady(t, "http://"+c.Listen)

	out, errOut, code := command(t, dir, "admin", "tenant", "create", "--name", "Fabrikam", "-o", "json")
	if code != 0 {
		t.Errorf("admin through the socket: %s", errOut)
	}
	if _, errOut, code := command(t, dir, "migrate"); code == 0 {
		t.Error("a second process opened the database of a running server")
	} else if strings.Contains(errOut, "goroutine") {
		t.Errorf("stderr: %s", errOut)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped with %v", err)
	}
	list, _, _ := command(t, dir, "admin", "tenant", "list", "-o", "json")
	if !strings.Contains(out, "Fabrikam") || !strings.Contains(list, "Fabrikam") {
		t.Errorf("created %s, listed %s", out, list)
	}
}

func awaitReady(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatal("the server does not get ready")
		case <-tick.C:
		}
	}
}
