package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"countersign/authz/signin"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/internal/devidp"
	"countersign/models"
	"countersign/models/migrations"
)

// devServer is a gateway's services with the development provider in front of nothing.
func devServer(t *testing.T, change func(*Config)) (*services, *httptest.Server) {
	t.Helper()
	dbs := &databases{gateway: dbtest.New(t, db.SQLite, migrations.Gateway), core: dbtest.New(t, db.SQLite, migrations.Core)}
	s, _, server := devServerOn(t, dbs, change)
	return s, server
}

// devServerOn is devServer over databases that hold the tables.
func devServerOn(t *testing.T, dbs *databases, change func(*Config)) (*services, Config, *httptest.Server) {
	t.Helper()
	dir, err := os.MkdirTemp("", "cs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	server := httptest.NewUnstartedServer(nil)
	c := defaults()
	c.Listen, c.DataDir, c.Dev = server.Listener.Addr().String(), dir, true
	c.PublicURL = "http://" + c.Listen
	change(&c)
	if c, err = c.complete(); err != nil {
		t.Fatal(err)
	}
	if server.Config.Handler, err = c.withDevProvider(http.NotFoundHandler()); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	s, err := join(c, dbs, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s, c, server
}

// pick plays the browser on the development provider's form.
func pick(t *testing.T, address, person string, mfa bool) url.Values {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	page, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(page.Body)
	_ = page.Body.Close()
	if page.StatusCode != http.StatusOK || !strings.Contains(string(text), "Ada Admin") || strings.Contains(string(text), "<script") {
		t.Fatalf("the form answers %d: %s", page.StatusCode, text)
	}
	form := url.Values{"person": {person}}
	if mfa {
		form.Set("mfa", "1")
	}
	sent, err := browser.PostForm(address, form)
	if err != nil {
		t.Fatal(err)
	}
	_ = sent.Body.Close()
	back, err := url.Parse(sent.Header.Get("Location"))
	if err != nil || sent.StatusCode != http.StatusSeeOther || back.Path != signin.CallbackPath {
		t.Fatalf("the form answers %d to %s, %v", sent.StatusCode, sent.Header.Get("Location"), err)
	}
	return back.Query()
}

// A customer signs in at the development provider, over HTTP, with the settings that
// `tenant sign-in set --dev` makes.
func TestDevProvider_signsIn(t *testing.T) {
	t.Parallel()
	s, _ := devServer(t, func(*Config) {})
	in := &installation{t: t, s: s}
	var tenant tenantView
	in.operate(&tenant, "tenant.create", tenantInput{Name: "Fabrikam"})
	var set signInView
	in.operate(&set, "tenant.setSignIn", signInInput{Tenant: tenant.ID, Dev: true})
	enter := func(person string, mfa bool) (signin.Session, error) {
		to, err := s.signin.Begin(t.Context(), signin.Start{Tenant: tenant.ID})
		if err != nil {
			t.Fatal(err)
		}
		q := pick(t, to.URL, person, mfa)
		welcome, err := s.signin.Complete(t.Context(), signin.Return{Code: q.Get("code"), State: q.Get("state"), Issuer: q.Get("iss"), Cookie: to.Cookie})
		if err != nil {
			return signin.Session{}, err
		}
		return s.signin.Session(t.Context(), welcome.Cookie)
	}
	if got, err := enter("ada", true); err != nil || got.Person.Role != models.PersonAdmin || !got.Fresh {
		t.Errorf("the admin: %+v, %v", got, err)
	}
	if got, err := enter("alan", false); err != nil || got.Person.Role != models.PersonApprover || got.Fresh {
		t.Errorf("the approver with one factor: %+v, %v", got, err)
	}
	if _, err := enter("nora", true); err == nil {
		t.Error("somebody without a role came in")
	}
}

// In no other configuration is there anything at the development provider's address, and
// settings that lead there are refused.
func TestDevProvider_isForDevelopmentOnThisMachineOnly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Config){
		"without dev":            func(c *Config) { c.Dev = false },
		"reachable by others":    func(c *Config) { c.Listen = "0.0.0.0:8080" },
		"reachable by its name":  func(c *Config) { c.Listen = "gateway.example.com:8080" },
		"on every address":       func(c *Config) { c.Listen = ":8080" },
		"with a portal, no dev":  func(c *Config) { c.Dev, c.PortalURL = false, "https://portal.example.com" },
		"https in front, no dev": func(c *Config) { c.Dev, c.PublicURL = false, "https://api.example.com" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, server := devServer(t, change)
			response, err := http.Get(server.URL + devidp.Path + "fabrikam/.well-known/openid-configuration")
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != http.StatusNotFound {
				t.Errorf("the development provider answers %d", response.StatusCode)
			}
			var tenant tenantView
			in := &installation{t: t, s: s}
			in.operate(&tenant, "tenant.create", tenantInput{Name: "Fabrikam"})
			if _, err := operations(s).Run(context.Background(), "tenant.setSignIn", signInInput{Tenant: tenant.ID, Dev: true}); err == nil {
				t.Error("settings that lead to it are taken")
			}
		})
	}
}

func TestPortalURL(t *testing.T) {
	t.Parallel()
	base := func() Config {
		c := defaults()
		c.PublicURL = "https://api.example.com"
		return c
	}
	for name, tt := range map[string]struct {
		change func(*Config)
		ok     bool
	}{
		"none":                     {func(*Config) {}, true},
		"a host of its own":        {func(c *Config) { c.PortalURL = "https://portal.example.com" }, true},
		"the API's host":           {func(c *Config) { c.PortalURL = "https://API.example.com" }, false},
		"the API's host by port":   {func(c *Config) { c.PortalURL = "https://api.example.com:8443" }, false},
		"one host for development": {func(c *Config) { c.PortalURL, c.Dev = "https://api.example.com", true }, true},
		"plain http":               {func(c *Config) { c.PortalURL = "http://portal.example.com" }, false},
		"a path":                   {func(c *Config) { c.PortalURL = "https://portal.example.com/portal" }, false},
		"a proxy that is no range": {func(c *Config) { c.TrustedProxies = "proxy.internal" }, false},
		"proxies":                  {func(c *Config) { c.TrustedProxies = "10.1.2.0/24" }, true},
		"no range":                 {func(c *Config) { c.EgressAllow = "10.1.2.3" }, false},
		"ranges":                   {func(c *Config) { c.EgressAllow = "10.1.2.0/24, fd00::/8" }, true},
		"a shared issuer for all":  {func(c *Config) { c.SharedIssuer = "https://login.example.com/" }, false},
		"a registration unnamed":   {func(c *Config) { c.SharedClientID = "x" }, false},
		"a name server's name":     {func(c *Config) { c.DNSServer = "dns" }, false},
	} {
		c := base()
		tt.change(&c)
		if _, err := c.complete(); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := defaults()
	c.Dev = true
	done, err := c.complete()
	if err != nil || done.PortalURL != done.PublicURL {
		t.Errorf("in development the portal is at %q, %v", done.PortalURL, err)
	}
	if _, _, err := net.SplitHostPort(done.Listen); err != nil {
		t.Error(err)
	}
}
