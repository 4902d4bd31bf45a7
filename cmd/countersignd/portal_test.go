package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"countersign/authz/signin"
	"countersign/consent"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/partners"
	"countersign/registration/hardwarehash"
)

// A person removes a device through a client of the tenant's that is made when it is first
// needed, and once.
func TestRemover_makesItsClientOnce(t *testing.T) {
	in := newInstallation(t, db.SQLite)
	remove := &remover{registry: in.s.registry, uploads: in.s.uploads}
	first, err := remove.clientOf(t.Context(), in.tenant)
	if err != nil {
		t.Fatal(err)
	}
	again, err := remove.clientOf(t.Context(), in.tenant)
	if err != nil || again != first {
		t.Errorf("the second time %q, %v, want %q", again, err, first)
	}
	found, _, err := in.s.registry.Clients(t.Context(), partners.ClientFilter{Owner: models.OwnerTenant, TenantID: in.tenant})
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range found {
		if client.ID == first && client.HasScope("devices.write") {
			t.Errorf("the client may change devices by itself: %s", client.Scopes)
		}
	}
}

// W3: an administrator opens every page that the pages lead to, over the joined services,
// and no row of any table is another one afterwards.
func TestPortal_readingChangesNothing(t *testing.T) {
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			dbs := &databases{gateway: dbtest.New(t, dialect, migrations.Gateway), core: dbtest.New(t, dialect, migrations.Core)}
			s, c, provider := devServerOn(t, dbs, func(c *Config) {})
			in := &installation{t: t, s: s, dbs: dbs, devices: hardwarehash.NewGenerator(7)}
			in.seed()
			in.lively()
			handler, err := edge(c, dbs, s, &atomic.Bool{}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			reader := &reader{t: t, handler: handler, host: strings.TrimPrefix(c.PortalURL, "http://"), cookie: in.signIn(provider.URL), seen: map[string]int{}}
			if _, err := s.order.Step(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := in.everyRow()
			reader.open("/portal/")
			for table, rows := range in.everyRow() {
				if !slices.Equal(rows, before[table]) {
					t.Errorf("%s was changed by reading:\nbefore %v\nafter  %v", table, before[table], rows)
				}
			}
			for _, page := range []string{"/portal/requests", "/portal/permissions", "/portal/partners", "/portal/history", "/portal/organisation", "/portal/people"} {
				if reader.seen[page] != http.StatusOK {
					t.Errorf("%s was not read: %d", page, reader.seen[page])
				}
			}
			if len(reader.seen) < 25 {
				t.Errorf("only %d pages were found: %v", len(reader.seen), reader.seen)
			}
		})
	}
}

// lively gives the customer a permission with devices, one that has ended, and a question.
func (in *installation) lively() {
	in.t.Helper()
	ended := in.grant()
	if _, err := in.s.consent.Revoke(in.t.Context(), in.owner, ended.ID, "no longer needed"); err != nil {
		in.t.Fatal(err)
	}
	in.grant()
	in.mustSubmit("spring", in.fakes(3))
	in.work()
	partner := consent.Actor{Kind: models.ActorPartner, ID: string(in.caller.ClientID), PartnerID: in.caller.PartnerID}
	_, err := in.s.consent.Request(in.t.Context(), partner, consent.NewRequest{
		Tenant: string(in.tenant), Purpose: "more of them", Scopes: []string{consent.GrantScopeDevicesRegister, consent.GrantScopeDevicesRemove},
	})
	if err != nil {
		in.t.Fatal(err)
	}
}

// signIn lets the customer's administrator come in by the development provider.
func (in *installation) signIn(provider string) (cookie string) {
	in.t.Helper()
	var set signInView
	in.operate(&set, "tenant.setSignIn", signInInput{Tenant: in.tenant, Dev: true})
	to, err := in.s.signin.Begin(in.t.Context(), signin.Start{Tenant: in.tenant})
	if err != nil {
		in.t.Fatal(err)
	}
	q := pick(in.t, to.URL, "ada", true)
	welcome, err := in.s.signin.Complete(in.t.Context(), signin.Return{Code: q.Get("code"), State: q.Get("state"), Issuer: q.Get("iss"), Cookie: to.Cookie})
	if err != nil {
		in.t.Fatalf("sign in at %s: %v", provider, err)
	}
	return welcome.Cookie
}

// everyRow is what all tables hold, row by row, in an order of its own.
func (in *installation) everyRow() map[string][]string {
	in.t.Helper()
	out := map[string][]string{}
	for name, d := range map[string]*db.DB{"gateway": in.dbs.gateway, "core": in.dbs.core} {
		list := "SELECT name FROM sqlite_master WHERE type = 'table'"
		if d.Dialect() == db.Postgres {
			list = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
		}
		var tables []string
		if err := d.Read().WithContext(in.t.Context()).Raw(list).Scan(&tables).Error; err != nil {
			in.t.Fatal(err)
		}
		for _, table := range tables {
			var rows []map[string]any
			if err := d.Read().WithContext(in.t.Context()).Table(table).Find(&rows).Error; err != nil {
				in.t.Fatal(err)
			}
			texts := make([]string, len(rows))
			for i, row := range rows {
				texts[i] = fmt.Sprint(row) // maps are printed in the order of their keys
			}
			slices.Sort(texts)
			out[name+"."+table] = texts
		}
	}
	return out
}

// reader opens pages and all that they link to.
type reader struct {
	t            *testing.T
	handler      http.Handler
	host, cookie string
	seen         map[string]int
}

func (r *reader) open(path string) {
	path, _, _ = strings.Cut(path, "#")
	if _, again := r.seen[path]; again || !strings.HasPrefix(path, "/portal") {
		return
	}
	request := httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, path, http.NoBody)
	request.Host = r.host
	request.AddCookie(&http.Cookie{Name: "countersign-session", Value: r.cookie})
	answer := httptest.NewRecorder()
	r.handler.ServeHTTP(answer, request)
	r.seen[path] = answer.Code
	if answer.Code >= http.StatusBadRequest {
		r.t.Errorf("%s gives %d", path, answer.Code)
	}
	if to := answer.Header().Get("Location"); to != "" {
		r.open(strings.TrimPrefix(to, "http://"+r.host))
	}
	for _, part := range strings.Split(answer.Body.String(), `href="`)[1:] {
		next, _, _ := strings.Cut(part, `"`)
		r.open(strings.ReplaceAll(next, "&amp;", "&"))
	}
}
