package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/db"
)

// A partner's manager makes a client for a line, changes its secret and freezes it, all by
// the command line; the line's own client may do none of that, and another partner sees
// nothing of it.
func TestOwnClients(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		var manager, other credential
		p.site.admin(&manager, "client", "create", "--partner", p.partner, "--name", "manager", "--can-manage")
		var elsewhere struct{ ID string }
		p.site.admin(&elsewhere, "partner", "create", "--kind", "direct_reseller", "--name", "Elm Street")
		p.site.admin(&other, "client", "create", "--partner", elsewhere.ID, "--name", "their manager", "--can-manage")
		cli, theirs := p.commandLine(r, manager), p.commandLine(r, other)

		var line wire.OwnClient
		read := func(out string, into any) {
			t.Helper()
			if err := json.Unmarshal([]byte(out), into); err != nil {
				t.Fatalf("%v in %s", err, out)
			}
		}
		read(cli.run(0, "clients", "create", "plant 7, line 3", "--expires-in", "100h", "--output", "json"), &line)
		if line.Secret == "" || line.DaysLeft == nil || *line.DaysLeft != 4 || line.Profile != "legacy" {
			t.Errorf("made %+v", line)
		}
		works := func(secret string) bool {
			t.Helper()
			_, err := p.as(r, credential{ID: line.ID, Secret: secret}).Token(t.Context())
			return err == nil
		}
		if !works(line.Secret) {
			t.Error("the new client gets no token")
		}
		lines := p.commandLine(r, credential{ID: line.ID, Secret: line.Secret})
		for _, args := range [][]string{{"clients"}, {"clients", "create", "mine"}, {"clients", "freeze", manager.ID}, {"clients", "rotate", manager.ID}} {
			if _, said, code := lines.try(args...); code == 0 || !strings.Contains(said, "clients.manage") {
				t.Errorf("the line runs %v: %d %s", args, code, said)
			}
		}
		if out := theirs.run(0, "clients"); strings.Contains(out, line.ID) || !strings.Contains(out, other.ID) {
			t.Errorf("another partner sees %s", out)
		}
		for _, args := range [][]string{{"show"}, {"freeze"}, {"unfreeze"}, {"rotate"}} {
			if _, said, code := theirs.try("clients", args[0], line.ID); code == 0 || !strings.Contains(said, "no OAuth client with this id") {
				t.Errorf("another partner runs %v: %d %s", args, code, said)
			}
		}

		var again wire.NewSecret
		read(cli.run(0, "clients", "rotate", line.ID, "--overlap", "1h", "--output", "json"), &again)
		if !works(line.Secret) || !works(again.Secret) {
			t.Error("a secret does not work during the overlap")
		}
		read(cli.run(0, "clients", "rotate", line.ID, "--overlap", "0s", "--output", "json"), &again)
		if works(line.Secret) || !works(again.Secret) {
			t.Error("without overlap the former secret works, or the new one does not")
		}
		cli.run(0, "clients", "freeze", line.ID)
		if works(again.Secret) {
			t.Error("a frozen client gets a token")
		}
		cli.run(0, "clients", "unfreeze", line.ID)
		if !works(again.Secret) {
			t.Error("a client that works again gets no token")
		}
		p.site.admin(nil, "client", "freeze", line.ID)
		if _, said, code := cli.try("clients", "unfreeze", line.ID); code == 0 || !strings.Contains(said, "operator") {
			t.Errorf("what an operator has frozen: %d %s", code, said)
		}
		if out := cli.run(0, "clients", "show", line.ID); !strings.Contains(out, "frozen") || !strings.Contains(out, "without end") || strings.Contains(out, again.Secret) {
			t.Errorf("shown is %s", out)
		}
		if _, said, code := cli.try("clients", "create", "x", "--scope", "clients.manage"); code == 0 || !strings.Contains(said, "scopes") {
			t.Errorf("a manager makes managers: %d %s", code, said)
		}
	})
}

// A client can publish its keys itself: the server fetches them, and no address of a network
// that is not the client's.
func TestOwnClients_publishTheirKeys(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	address := freeAddress(t)
	r := s.startOn(address, "COUNTERSIGN_PUBLIC_URL=http://"+address)
	p := newPeople(t, s)
	text, err := authz.NewClientKey()
	noError(t, err)
	key, err := authz.ParseClientKey(text, "")
	noError(t, err)
	jwks, err := key.JWKS()
	noError(t, err)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/jwks" {
			http.Redirect(w, r, "/jwks", http.StatusFound)
			return
		}
		_, _ = w.Write(jwks)
	}))
	t.Cleanup(site.Close)
	var manager credential
	s.admin(&manager, "client", "create", "--partner", p.partner, "--name", "manager", "--can-manage")
	cli := p.commandLine(r, manager)
	var made wire.OwnClient
	if err := json.Unmarshal([]byte(cli.run(0, "clients", "create", "published", "--jwks-uri", site.URL+"/jwks", "--output", "json")), &made); err != nil {
		t.Fatal(err)
	}
	cl, err := client.New(client.Config{BaseURL: r.url, Patience: -1, Credentials: client.Assertion(made.ID, func(_ context.Context, audience string) (string, error) {
		return key.Assertion(made.ID, audience, client.NewRequestID(), time.Now())
	})})
	noError(t, err)
	if _, err := cl.Token(t.Context()); err != nil {
		t.Error(err)
	}
	for address, want := range map[string]string{
		"https://10.0.0.7/jwks": "must name its host", "https://169.254.169.254/latest": "must name its host", "ftp://plant.example/jwks": "https",
		"https://user@plant.example/jwks": "without user", site.URL + "/elsewhere": "answers with 302", "https://0x7f.1/jwks": "must name its host",
	} {
		if _, said, code := cli.try("clients", "create", "x", "--jwks-uri", address); code == 0 || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", address, code, said)
		}
	}
}
