package partners_test

import (
	"errors"
	"strings"
	"testing"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/partners"
)

func TestCreatePartner_isReadBackAsCreated(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		made, err := w.CreatePartner(t.Context(), partners.NewPartner{
			Kind: models.OEM, Name: "  Contoso Hardware Ünïcode  ", MPNID: "1234567",
			Budgets: partners.Budgets{DevicesPerHour: ptr(int64(500))},
		})
		must(t, err)
		got, err := w.Partner(t.Context(), models.PartnerID(strings.ToUpper(string(made.ID))))
		must(t, err)
		if got.Name != "Contoso Hardware Ünïcode" || got.Kind != models.OEM || got.MPNID != "1234567" || got.State != models.PartnerActive || got.Epoch != 1 {
			t.Errorf("got %+v", got)
		}
		if !got.CreatedAt.Equal(start) || *got.DevicesPerHour != 500 || got.RequestsPerMinute != nil {
			t.Errorf("got %+v", got)
		}
		if w.d.Dialect() == "postgres" && (got.Gate == 0 || got.Gate != made.Gate) {
			t.Errorf("lock ids %d and %d; want the same one, drawn by the database", got.Gate, made.Gate)
		}
	})
}

func TestCreatePartner_refuses(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.partner(t, "Contoso")
		_, err := w.CreatePartner(t.Context(), partners.NewPartner{Kind: models.OEM, Name: " Contoso "})
		wantErr(t, err, partners.ErrNameTaken)
		for field, in := range map[string]partners.NewPartner{
			"kind":              {Kind: "reseller", Name: "x"},
			"name":              {Kind: models.OEM, Name: " "},
			"mpnId":             {Kind: models.OEM, Name: "x", MPNID: strings.Repeat("1", 65)},
			"devicesPerHour":    {Kind: models.OEM, Name: "x", Budgets: partners.Budgets{DevicesPerHour: ptr(int64(0))}},
			"requestsPerMinute": {Kind: models.OEM, Name: "x", Budgets: partners.Budgets{RequestsPerMinute: ptr(int64(-1))}},
		} {
			_, err := w.CreatePartner(t.Context(), in)
			wantErr(t, err, partners.ErrInvalid)
			if fields := errs.From(err).Fields; len(fields) != 1 || fields[0].Name != field {
				t.Errorf("%s: the refusal names %v", field, fields)
			}
		}
		for _, name := range []string{"a\x00b", "a\nb", "\xff", "a\u202eb", "a\u200bb", "a\u00adb", strings.Repeat("é", 201)} {
			_, err := w.CreatePartner(t.Context(), partners.NewPartner{Kind: models.OEM, Name: name})
			wantErr(t, err, partners.ErrInvalid)
		}
		if n := w.count(t, "SELECT count(*) FROM partners"); n != 1 {
			t.Errorf("%d partners are stored, want 1", n)
		}
	})
}

// Section 2.4 of the security rules: a name that looks like a known partner's is flagged
// when it is registered, and let through only by somebody who made sure.
func TestCreatePartner_flagsLookalikes(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		w.partner(t, "Contoso")
		for _, name := range []string{"Соntоsо", "CONTOSO", "C0ntoso", "Con toso", "Çontosö"} {
			in := partners.NewPartner{Kind: models.OEM, Name: name}
			_, err := w.CreatePartner(t.Context(), in)
			wantErr(t, err, partners.ErrNameResembles)
			if !strings.Contains(errs.From(err).Detail, `"Contoso"`) {
				t.Errorf("the refusal does not name the other: %v", err)
			}
		}
		_, err := w.CreatePartner(t.Context(), partners.NewPartner{Kind: models.OEM, Name: "C0ntoso", NameChecked: true})
		must(t, err)
		_, err = w.CreatePartner(t.Context(), partners.NewPartner{Kind: models.OEM, Name: "Contoso Nordic"})
		must(t, err)
	})
}

// Markup in a name is text like any other: pages escape it.
func TestCreatePartner_takesMarkupAsText(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		made, err := w.CreatePartner(t.Context(), partners.NewPartner{Kind: models.OEM, Name: "<img onerror=alert(1)>"})
		must(t, err)
		if made.Name != "<img onerror=alert(1)>" {
			t.Errorf("stored %q", made.Name)
		}
	})
}

func TestCreatePartner_oneNameAtOnce(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		wins := race(t, 6, partners.ErrNameTaken, func() error {
			_, err := w.CreatePartner(t.Context(), partners.NewPartner{Kind: models.OEM, Name: "Contoso"})
			return err
		})
		if wins != 1 {
			t.Errorf("%d partners took one name", wins)
		}
	})
}

func TestPartners_pagesAreCompleteAndStable(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		want := []string{}
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			want = append(want, string(w.partner(t, name).ID))
		}
		got, cursor := []string{}, ""
		for pages := 0; ; pages++ {
			items, next, err := w.Partners(t.Context(), partners.Page{Cursor: cursor, Limit: 2})
			must(t, err)
			for _, p := range items {
				got = append(got, string(p.ID))
			}
			if pages == 0 {
				w.partner(t, "late")
			}
			if cursor = next; next == "" || pages > 5 {
				break
			}
		}
		if len(got) != 6 || strings.Join(got[:5], " ") != strings.Join(want, " ") {
			t.Errorf("got %v, want %v and the late one", got, want)
		}
		all, next, err := w.Partners(t.Context(), partners.Page{Limit: 6})
		if must(t, err); len(all) != 6 || next != "" {
			t.Errorf("an exact page has %d rows and next %q", len(all), next)
		}
		for _, bad := range []string{"x", "!!", "YWJj", "JyBPUiAxPTE"} {
			_, _, err := w.Partners(t.Context(), partners.Page{Cursor: bad})
			wantErr(t, err, partners.ErrCursor)
		}
	})
}

func TestSetBudgets_replacesAllThree(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		p := w.partner(t, "Contoso")
		_, err := w.SetBudgets(t.Context(), p.ID, partners.Budgets{DevicesPerHour: ptr(int64(1)), TenantDevicesPerHour: ptr(int64(2))})
		must(t, err)
		got, err := w.SetBudgets(t.Context(), p.ID, partners.Budgets{RequestsPerMinute: ptr(int64(3))})
		must(t, err)
		if got.DevicesPerHour != nil || got.TenantDevicesPerHour != nil || *got.RequestsPerMinute != 3 {
			t.Errorf("got %+v", got)
		}
		budgets, err := w.BudgetsOf(t.Context(), p.ID)
		if must(t, err); budgets.DevicesPerHour != nil || *budgets.RequestsPerMinute != 3 {
			t.Errorf("got %+v", budgets)
		}
		_, err = w.SetBudgets(t.Context(), p.ID, partners.Budgets{DevicesPerHour: ptr(int64(0))})
		wantErr(t, err, partners.ErrInvalid)
	})
}

func TestUnknownIDs_areNotFound(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		for _, id := range []string{"0190a0b0-0000-7000-8000-000000000001", "", "x", "a\x00b", "' OR 1=1--"} {
			_, err := w.Partner(t.Context(), models.PartnerID(id))
			wantErr(t, err, partners.ErrPartnerNotFound)
			_, err = w.BudgetsOf(t.Context(), models.PartnerID(id))
			wantErr(t, err, partners.ErrPartnerNotFound)
			_, err = w.SetBudgets(t.Context(), models.PartnerID(id), partners.Budgets{})
			wantErr(t, err, partners.ErrPartnerNotFound)
			_, err = w.SuspendPartner(t.Context(), models.PartnerID(id))
			wantErr(t, err, partners.ErrPartnerNotFound)
			_, err = w.Tenant(t.Context(), models.TenantID(id))
			wantErr(t, err, partners.ErrTenantNotFound)
			_, err = w.SuspendTenant(t.Context(), models.TenantID(id))
			wantErr(t, err, partners.ErrTenantNotFound)
			_, err = w.Client(t.Context(), models.ClientID("p-"+id))
			wantErr(t, err, partners.ErrClientNotFound)
			_, err = w.FreezeClient(t.Context(), models.ClientID("p-"+id))
			wantErr(t, err, partners.ErrClientNotFound)
			_, err = w.ClientStanding(t.Context(), models.ClientID("p-"+id))
			wantErr(t, err, partners.ErrClientNotFound)
			_, _, err = w.ClientForAuth(t.Context(), models.ClientID(id))
			wantErr(t, err, partners.ErrClientNotFound)
		}
	})
}

func TestNew_refusesMissingParts(t *testing.T) {
	t.Parallel()
	whole := newWorld(t, "sqlite").deps()
	for name, strip := range map[string]func(*partners.Deps){
		"db": func(d *partners.Deps) { d.DB = nil }, "fences": func(d *partners.Deps) { d.Fences = nil },
		"secrets": func(d *partners.Deps) { d.Secrets = nil }, "keys": func(d *partners.Deps) { d.CheckKeySetFunc = nil },
		"federation": func(d *partners.Deps) { d.CheckFederationFunc = nil }, "addresses": func(d *partners.Deps) { d.CheckKeyAddressFunc = nil }, "certificates": func(d *partners.Deps) { d.CheckCertificatesFunc = nil }, "subjects": func(d *partners.Deps) { d.CheckSubjectFunc = nil },
		"scopes": func(d *partners.Deps) { d.ScopesFunc = nil }, "ids": func(d *partners.Deps) { d.NewID = nil },
		"clock": func(d *partners.Deps) { d.Now = nil },
	} {
		deps := whole
		strip(&deps)
		if _, err := partners.New(deps); err == nil {
			t.Errorf("a registry without %s was made", name)
		}
	}
}

func TestReads_ofAClosedDatabaseFail(t *testing.T) {
	both(t, func(t *testing.T, w *world) {
		must(t, w.d.Close())
		_, err := w.ClientStanding(t.Context(), "p-0190a0b0-0000-7000-8000-000000000001")
		if err == nil || errors.Is(err, partners.ErrClientNotFound) {
			t.Errorf("got %v: a database that is gone must not look like an unknown client", err)
		}
	})
}
