package portal_test

import (
	"encoding/csv"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/consent"
	"countersign/models"
)

const requestPage = "/portal/requests/" + waiting

// §2.4: what the page of a request shows, and that nothing is chosen before.
func TestRequest_showsWhatIsDecided(t *testing.T) {
	k := newKit(t)
	k.world.others = []string{"Alpine <IT>"}
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, true))
	a := b.get(requestPage).must(
		t, http.StatusOK,
		"Northwind Devices", "Reseller", "4711004", string(northwind), "26 November 2024", // who, which kind, verified since
		"Fabrikam", "fabrikam.example", string(fabrikam), "Adele Vance", "Approver of device registrations", // for whom
		"May add devices to your organisation", "May remove devices again", // what it may
		"Alpine &lt;IT&gt; works for the partner and may do the same",                                                // who else
		"Cannot sign in to your organisation", "Cannot read users, mail, files", "Cannot choose deployment profiles", // what not
		"hardware hash", "belong to your organisation from then on", // data, devices
		"500 devices", "26 November 2027", "PO 2026-0815", "25 November 2026", // how many, until when, which order, when
		"You can take it back at any time", "I did not expect this request",
		"Decline", "Allow",
	)
	if regexp.MustCompile(`<input[^>]* checked`).MatchString(a.body) {
		t.Error("something is chosen before the person chooses")
	}
	// No is as large as yes: the same class but for the colour, and before it.
	no, yes := strings.Index(a.body, `class="button answer answer-no"`), strings.Index(a.body, `class="button answer answer-yes"`)
	if no < 0 || yes < 0 || no > yes {
		t.Errorf("no at %d, yes at %d", no, yes)
	}
}

// What a partner writes is text and nothing else.
func TestRequest_showsHostileTextAsText(t *testing.T) {
	k := newKit(t)
	k.world.partner.Name = `<script>alert(1)</script><img src=x onerror=alert(2)>`
	k.world.requests[waiting].Purpose = `"><svg onload=alert(3)> https://evil.example/`
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	for _, path := range []string{requestPage, "/portal/requests", "/portal/permissions/" + live, requestPage + "/unexpected", "/portal/permissions/" + live + "/end"} {
		a := b.get(path).must(t, http.StatusOK, "&lt;script&gt;")
		for _, bad := range []string{"<script", "<img src=x", "<svg onload", `href="https://evil`} {
			if strings.Contains(a.body, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
	}
}

// E1, R8: a yes needs a sign-in of just now; a no does not.
func TestDecision_needsAFreshSignInForYesAlone(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, false))
	a := b.get(requestPage).must(t, http.StatusOK, "Confirm that it is me")
	if strings.Contains(a.body, `name="scope"`) {
		t.Error("the form of the yes is there before the step-up")
	}
	b.post(requestPage+"/grant", "scope", "devices.register", "limit", "5", "until", "2027-01-31").must(t, http.StatusForbidden, "Prove once more that it is you", "/portal/step-up")
	b.post("/portal/step-up", "to", requestPage).must(t, http.StatusOK, "https://login.fabrikam.example/authorize")
	if got := k.world.changed(); !slices.Equal(got, []string{"begin " + requestPage + " step-up true"}) {
		t.Errorf("changed %v", got)
	}
	b.post(requestPage+"/decline").must(t, http.StatusSeeOther)
	if got := k.world.requests[waiting].State; got != models.RequestDeclined {
		t.Errorf("the request is %s", got)
	}
}

// E3, E4: what is granted is what was chosen, with the evidence of who chose it.
func TestDecision_grantsWhatWasChosen(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	_, rest, _ := strings.Cut(b.get(requestPage).body, `name="words" value="`)
	words, _, _ := strings.Cut(rest, `"`)
	a := b.post(requestPage+"/grant", "words", words, "scope", "devices.register", "limit", "120", "until", "2027-03-31").must(t, http.StatusSeeOther)
	if !strings.HasPrefix(a.location, "/portal/permissions/") {
		t.Errorf("it leads to %q", a.location)
	}
	if got := k.world.changed(); !slices.Equal(got, []string{"grant devices.register 2027-03-31T23:59:59Z"}) {
		t.Errorf("changed %v", got)
	}
	who := k.world.actors[0]
	if who.Kind != models.ActorCustomer || who.TenantID != fabrikam || who.Person == nil || who.Person.Subject != "s-1" || !slices.Equal(who.Person.AMR, []string{"pwd", "otp"}) || who.Person.AuthTime.IsZero() || who.HTTPRequest == "" {
		t.Errorf("the actor is %+v, person %+v", who, who.Person)
	}
	want := consent.Wording("en", consent.PromiseOf(*k.world.requests[waiting])).Digest()
	if shown := k.world.readings[0]; shown.Language != "en" || shown.Digest != want || want == "" {
		t.Errorf("the words that were read are recorded as %+v", shown)
	}
	b.get(a.location).must(t, http.StatusOK, "The permission is given.")
	if again := b.get(a.location); strings.Contains(again.body, "The permission is given.") {
		t.Error("the notice stays")
	}
}

// E4: nothing wider than what was asked, and mistakes are told with the field.
func TestDecision_namesWhatIsWrong(t *testing.T) {
	for name, row := range map[string]struct {
		pairs []string
		want  string
	}{
		"nothing chosen":   {[]string{"limit", "5", "until", "2027-01-31"}, "Choose at least one thing"},
		"not asked for":    {[]string{"scope", "profiles.assign", "limit", "5", "until", "2027-01-31"}, "Choose at least one thing"},
		"too many":         {[]string{"scope", "devices.register", "limit", "501", "until", "2027-01-31"}, "at most the 500 devices"},
		"no number":        {[]string{"scope", "devices.register", "limit", "many", "until", "2027-01-31"}, "in digits"},
		"none":             {[]string{"scope", "devices.register", "limit", "0", "until", "2027-01-31"}, "in digits"},
		"number left out":  {[]string{"scope", "devices.register", "until", "2027-01-31"}, "in digits"},
		"too long":         {[]string{"scope", "devices.register", "limit", "5", "until", "2028-01-01"}, "cannot be later than 26 November 2027"},
		"over already":     {[]string{"scope", "devices.register", "limit", "5", "until", "2026-11-25"}, "over already"},
		"no date":          {[]string{"scope", "devices.register", "limit", "5", "until", "soon"}, "as a date"},
		"no date and more": {[]string{"limit", "0"}, "as a date"},
	} {
		k := newKit(t)
		b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
		a := b.post(requestPage+"/grant", row.pairs...)
		if a.status != http.StatusBadRequest || !strings.Contains(a.body, row.want) || !strings.Contains(a.body, `role="alert"`) {
			t.Errorf("%s: %d", name, a.status)
		}
		for _, m := range regexp.MustCompile(`href="#(field-[a-z]+)"`).FindAllStringSubmatch(a.body, -1) {
			if !strings.Contains(a.body, `id="`+m[1]+`"`) {
				t.Errorf("%s: the summary links to %s, which is not there", name, m[1])
			}
		}
		if changed := k.world.changed(); len(changed) > 0 {
			t.Errorf("%s: changed %v", name, changed)
		}
	}
}

// W8: a second click and a second tab show the real state and change nothing.
func TestDecision_isMadeOnce(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	yes := []string{"scope", "devices.register", "limit", "5", "until", "2027-01-31"}
	b.post(requestPage+"/grant", yes...).must(t, http.StatusSeeOther)
	for _, again := range []func() answer{func() answer { return b.post(requestPage+"/grant", yes...) }, func() answer { return b.post(requestPage + "/decline") }} {
		again := again()
		if again.must(t, http.StatusSeeOther); again.location != requestPage {
			t.Errorf("it leads to %q", again.location)
		}
		b.get(again.location).must(t, http.StatusOK, "Somebody has decided in the meantime", "This request was allowed", "Go to the permission")
	}
	if got := k.world.changed(); len(got) != 1 {
		t.Errorf("changed %v", got)
	}
}

func TestUnexpected_declinesAndBlocks(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	b.get(requestPage+"/unexpected").must(t, http.StatusOK, "Block Northwind Devices too", waiting)
	b.post(requestPage+"/decline", "reason", "Nobody here ordered anything.", "block", "yes").must(t, http.StatusSeeOther)
	if got := k.world.changed(); !slices.Equal(got, []string{"decline Nobody here ordered anything.", "block Nobody here ordered anything."}) {
		t.Errorf("changed %v", got)
	}
}

// R6: another tenant's people see nothing and change nothing.
func TestPages_ofAnotherTenantAreNotThere(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(contoso, models.PersonAdmin, true))
	for _, r := range k.table() {
		if !strings.Contains(r[1], "{id}") || strings.HasPrefix(r[1], "/portal/partners") || strings.HasPrefix(r[1], "/portal/people") {
			continue
		}
		a := b.get(fill(r[1]))
		if r[0] == http.MethodPost {
			a = b.post(fill(r[1]), "scope", "devices.register", "limit", "5", "until", "2027-01-31")
		}
		if a.status != http.StatusNotFound || strings.Contains(a.body, "Northwind") {
			t.Errorf("%s %s gives %d", r[0], r[1], a.status)
		}
	}
	if changed := k.world.changed(); len(changed) > 0 {
		t.Errorf("changed %v", changed)
	}
}

// E9: ending takes one click and no reason; its page shows the consequences first, and
// the page after it the moment, or the bound while the core has not acknowledged.
func TestEnd_showsConsequencesThenTheMoment(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	b.get("/portal/permissions/"+live+"/end").must(t, http.StatusOK, "16 devices are under way", "412 devices that were added stay yours", "It cannot be undone")
	a := b.post("/portal/permissions/"+live+"/end").must(t, http.StatusSeeOther)
	waits := b.get(a.location).must(t, http.StatusAccepted, "is ending", "26 November 2026, 14:05:35.000 UTC", "looks again every 5 seconds")
	if waits.header.Get("Refresh") != "5" {
		t.Errorf("Refresh is %q", waits.header.Get("Refresh"))
	}
	if stays := b.get(a.location+"?stay=1").must(t, http.StatusAccepted, "does not look again by itself"); stays.header.Get("Refresh") != "" {
		t.Error("the page looks again although the reader stopped it")
	}
	b.get("/portal/permissions/"+gone+"/ended").must(t, http.StatusOK, "has ended", "26 November 2026, 14:04:01.217 UTC")
	b.post("/portal/permissions/"+live+"/end").must(t, http.StatusSeeOther)
}

func TestSuspendAndResume_leadToThePermission(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	path := "/portal/permissions/" + live
	b.get(path+"/suspend").must(t, http.StatusOK, "nothing is accepted")
	b.post(path+"/suspend").must(t, http.StatusSeeOther)
	b.get(path).must(t, http.StatusOK, "The permission is paused.", "Resume")
	b.get(path+"/resume").must(t, http.StatusOK, "From then on it may again")
	b.post(path+"/resume").must(t, http.StatusSeeOther)
	b.post(path+"/resume").must(t, http.StatusSeeOther)
	b.get(path).must(t, http.StatusOK, "Somebody has decided in the meantime")
	stale := k.browser(k.world.person(fabrikam, models.PersonAdmin, false))
	stale.post(path+"/suspend").must(t, http.StatusSeeOther)
	stale.post(path+"/resume").must(t, http.StatusForbidden, "Prove once more")
}

// §6.5: no cell of the export is a formula, whatever a partner sent.
func TestExport_holdsNoFormula(t *testing.T) {
	k := newKit(t)
	hostile := []string{"=HYPERLINK(\"https://evil.example\")", "+cmd|' /C calc'!A0", "-1+1", "@SUM(1)", "\tTAB", "\rCR", "＝1", "\"quoted\", and\n=second"}
	for i, text := range hostile {
		d := k.world.devices[0]
		d.Identity.SerialNumber = text
		if i%2 == 1 {
			d.GroupTag = text
		}
		k.world.devices = append(k.world.devices, d)
	}
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, false))
	a := b.get("/portal/permissions/"+live+"/devices.csv").must(t, http.StatusOK)
	if a.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment;") {
		t.Errorf("headers %v", a.header)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 1+3+len(hostile) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r＝", []rune(cell)[0]) {
				t.Errorf("the cell %q is a formula", cell)
			}
		}
	}
}

func TestSignOut_endsTheSessionHere(t *testing.T) {
	k := newKit(t)
	session := k.world.person(fabrikam, models.PersonAdmin, true)
	b := k.browser(session)
	b.post("/portal/sign-out").must(t, http.StatusOK, "You are signed out")
	if a := k.browser(session).get("/portal/requests"); a.status != http.StatusSeeOther {
		t.Errorf("the old session gives %d", a.status)
	}
}

func TestLanguage_followsTheBrowserAndTheChoice(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	b.get("/portal/requests").must(t, http.StatusOK, `<html lang="en">`)
	b.post("/portal/preferences", "language", "de", "zone", "Europe/Berlin", "to", requestPage).must(t, http.StatusSeeOther)
	b.get(requestPage).must(t, http.StatusOK, `<html lang="de">`, "25. November 2026, 13:05 Uhr CET", "Darf Ihrer Organisation Geräte hinzufügen")
}

func TestDevice_isShownAndRemoved(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	path := "/portal/devices/" + string(k.world.devices[0].ID)
	b.get(path).must(t, http.StatusOK, "5CG4730100", "Contoso Hardware", "Remove the device")
	if a := b.post(path+"/remove").must(t, http.StatusSeeOther); a.location != path {
		t.Errorf("it leads to %q", a.location)
	}
	b.get(path).must(t, http.StatusOK, "The device is being removed")
	if got := k.world.changed(); !slices.Equal(got, []string{"remove 5CG4730100 by Adele Vance"}) {
		t.Errorf("changed %v", got)
	}
}

// What was asked for goes from the newest to the first, without a hole and without the
// entries of others.
func TestHistory_isReadBackToItsBeginning(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	next, seen := "/portal/history", 0
	for next != "" {
		a := b.get(next).must(t, http.StatusOK)
		seen += strings.Count(a.body, "history-item")
		if strings.Contains(a.body, "<b>why") {
			t.Error("a reason is not shown as text")
		}
		next = ""
		if strings.Contains(a.body, ">Older") {
			for _, part := range strings.Split(a.body, `href="`) {
				if strings.HasPrefix(part, "/portal/history?to=") && strings.Contains(part, ">Older") {
					next, _, _ = strings.Cut(part, `"`)
				}
			}
		}
	}
	if seen != 120 {
		t.Errorf("%d entries were seen", seen)
	}
	k.browser(k.world.person(contoso, models.PersonAdmin, false)).get("/portal/history").must(t, http.StatusOK, "Nothing has happened yet")
}

// I5: a partner is blocked for good, and let in again, from its own page.
func TestPartner_isFoundBlockedAndLetIn(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	path := "/portal/partners/" + string(northwind)
	if a := b.get("/portal/partners?find=4711004").must(t, http.StatusSeeOther); a.location != path {
		t.Errorf("it leads to %q", a.location)
	}
	b.get("/portal/partners?find=North").must(t, http.StatusOK, "No partner has this id")
	b.get(path).must(t, http.StatusOK, "Northwind Devices", "Block the partner", "/portal/requests/"+waiting, "/portal/permissions/"+live)
	b.post(path+"/block", "reason", "Too many questions.").must(t, http.StatusSeeOther)
	b.get(path).must(t, http.StatusOK, "The partner cannot ask you any more.", "Let it ask again")
	b.get("/portal/partners").must(t, http.StatusOK, "Northwind Devices", "Too many questions.")
	b.post(path+"/unblock").must(t, http.StatusSeeOther)
	if got := k.world.changed(); !slices.Equal(got, []string{"block Too many questions.", "unblock"}) {
		t.Errorf("changed %v", got)
	}
}

// R7, R8: only administrators in a fresh session change who may sign in.
func TestPeople_areChangedByAdministrators(t *testing.T) {
	k := newKit(t)
	path := "/portal/people/0190ffff-0000-7000-8000-000000000002"
	approver := k.browser(k.world.person(fabrikam, models.PersonApprover, true))
	approver.get("/portal/people").must(t, http.StatusForbidden, "Only for administrators")
	approver.post(path+"/role", "role", "admin").must(t, http.StatusForbidden)
	approver.get("/portal/organisation").must(t, http.StatusOK, "fabrikam.example", "https://login.fabrikam.example")
	stale := k.browser(k.world.person(fabrikam, models.PersonAdmin, false))
	stale.get("/portal/people").must(t, http.StatusOK, "Confirm that it is me", "Lidia Holloway")
	stale.post(path+"/role", "role", "admin").must(t, http.StatusForbidden, "Prove once more")
	if changed := k.world.changed(); len(changed) > 0 {
		t.Fatalf("changed %v", changed)
	}
	admin := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	admin.post(path+"/role", "role", "admin").must(t, http.StatusSeeOther)
	admin.get("/portal/people").must(t, http.StatusOK, "The role is set.")
	admin.post(path+"/role", "role", "emperor").must(t, http.StatusUnsupportedMediaType)
	admin.post(path+"/disable").must(t, http.StatusSeeOther)
	admin.post(path+"/enable").must(t, http.StatusSeeOther)
	if got := k.world.changed(); !slices.Equal(got, []string{"role admin 2", "disable 2", "enable 2"}) {
		t.Errorf("changed %v", got)
	}
}

func TestSettings_showTheFormAgainWithWhatIsWrong(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	path := "/portal/organisation/sign-in"
	b.get(path).must(t, http.StatusOK, "Countersign.Admin", `type="password"`)
	a := b.post(path, "issuer", "http://plain.example", "clientId", "x", "authMethod", "client_secret_basic", "clientSecret", "hunter2-secret").
		must(t, http.StatusBadRequest, "Issuer: this value is not acceptable", "http://plain.example")
	if strings.Contains(a.body, "hunter2") {
		t.Error("the secret comes back")
	}
	b.post(path, "issuer", "https://login.fabrikam.example", "clientId", "x", "authMethod", "client_secret_basic", "adminValues", "One\r\n Two \r\n").must(t, http.StatusSeeOther)
	if got := k.world.changed(); !slices.Equal(got, []string{"sign-in https://login.fabrikam.example One+Two -"}) {
		t.Errorf("changed %v", got)
	}
}

// I3, I6 for the set-up invitation: opening uses nothing up, and the address loses the
// secret at once.
func TestInvitation_leadsToTheSetUp(t *testing.T) {
	k := newKit(t)
	b := k.browser("")
	if a := b.get("/portal/set-up/"+secret).must(t, http.StatusSeeOther); a.location != "/portal/set-up" || strings.Contains(a.body, secret) {
		t.Errorf("it leads to %q", a.location)
	}
	page := b.get("/portal/set-up").must(t, http.StatusOK, "Set up your organisation")
	_, rest, _ := strings.Cut(page.body, `name="token" value="`)
	b.token, _, _ = strings.Cut(rest, `"`)
	b.get("/portal/set-up/sign-in").must(t, http.StatusOK, "Issuer")
	b.post("/portal/set-up/sign-in", "issuer", "https://login.fabrikam.example").must(t, http.StatusSeeOther)
	b.post("/portal/set-up").must(t, http.StatusOK, "https://login.fabrikam.example/authorize")
	if got := k.world.changed(); !slices.Equal(got, []string{"set up https://login.fabrikam.example", "begin /portal/organisation step-up false"}) {
		t.Errorf("changed %v", got)
	}
	wrong := k.browser("")
	wrong.get("/portal/set-up/" + strings.Repeat("z", 43))
	same := wrong.get("/portal/set-up").must(t, http.StatusOK)
	_, rest, _ = strings.Cut(same.body, `name="token" value="`)
	wrong.token, _, _ = strings.Cut(rest, `"`)
	wrong.post("/portal/set-up").must(t, http.StatusNotFound, "This invitation leads nowhere")
}

func TestChange_narrowsAndWidensByTheForm(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	path := "/portal/permissions/" + live + "/change"
	a := b.get(path).must(t, http.StatusOK, "Change the permission of Northwind Devices", `value="500"`, `value="2027-06-29"`)
	if got := strings.Count(a.body, " checked>"); got != 2 {
		t.Errorf("%d scopes are shown as given", got)
	}
	b.post(path, "scope", "devices.register", "until", "2027-06-29", "manufacturers", " Contoso \r\n\r\nFabrikam").must(t, http.StatusSeeOther)
	if got := k.world.changed(); !slices.Equal(got, []string{"amend devices.register 0 [Contoso Fabrikam] 2027-06-29T14:05:00Z"}) {
		t.Errorf("changed %v", got)
	}
	b.post(path, "scope", "devices.register", "until", "2027-06-29", "manufacturers", "wrong").must(t, http.StatusBadRequest, "#field-manufacturers", `id="field-manufacturers"`)
	b.post(path, "until", "2027-06-29").must(t, http.StatusBadRequest, "Choose at least one thing")
	// R8: whoever signed in just now, but with fewer factors than the tenant wants, widens nothing.
	weak := k.browser(k.world.person(fabrikam, models.PersonAdmin, false))
	weak.post(path, "scope", "devices.register", "scope", "devices.remove", "scope", "devices.read", "until", "2027-06-29").must(t, http.StatusForbidden, "Prove once more")
}

// E5: a later end needs a person, on a form of its own.
func TestRenew_givesALaterEnd(t *testing.T) {
	k := newKit(t)
	path := "/portal/permissions/" + live + "/renew"
	stale := k.browser(k.world.person(fabrikam, models.PersonAdmin, false))
	if a := stale.get(path).must(t, http.StatusOK, "Confirm that it is me"); strings.Contains(a.body, `name="until"`) {
		t.Error("the form is there before the step-up")
	}
	stale.post(path, "until", "2028-01-31").must(t, http.StatusForbidden, "Prove once more")
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	b.get(path).must(t, http.StatusOK, `value="2028-06-29"`)
	b.post(path, "until", "2028-01-31").must(t, http.StatusSeeOther)
	b.post(path, "until", "2099-01-31").must(t, http.StatusBadRequest, "cannot be later than")
	if got := k.world.changed(); !slices.Equal(got, []string{"renew 2028-01-31T23:59:59Z"}) {
		t.Errorf("changed %v", got)
	}
}

// I7: a person gives a permission without any link, to a partner found by its id.
func TestGive_needsNoLink(t *testing.T) {
	k := newKit(t)
	delete(k.world.grants, live)
	path := "/portal/partners/" + string(northwind)
	stale := k.browser(k.world.person(fabrikam, models.PersonAdmin, false))
	stale.post(path+"/give", "scope", "devices.register", "until", "2027-01-31").must(t, http.StatusForbidden, "Prove once more")
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	b.get(path).must(t, http.StatusOK, path+"/give")
	if a := b.get(path+"/give").must(t, http.StatusOK, string(northwind)); strings.Contains(a.body, " checked>") {
		t.Error("something is chosen before the person chooses")
	}
	b.post(path+"/give", "scope", "devices.register", "until", "2027-01-31").must(t, http.StatusSeeOther)
	if got := k.world.changed(); !slices.Equal(got, []string{"give 0190bbbb devices.register until 2027-01-31T23:59:59Z by Adele Vance"}) {
		t.Errorf("changed %v", got)
	}
}

func TestReceipt_isReadAndSaved(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	path := "/portal/permissions/" + live + "/receipt"
	b.get(path).must(t, http.StatusOK, "A permission was given", "Northwind Devices", "Adele Vance", "PO 2026-0815", "countersign consent verify", path+".jws?n=12")
	a := b.get(path+".jws?n=12").must(t, http.StatusOK, "e30.e30.c2ln")
	if a.header.Get("Content-Type") != "application/jose" || !strings.HasPrefix(a.header.Get("Content-Disposition"), "attachment;") {
		t.Errorf("headers %v", a.header)
	}
	b.get(path+"?n=13").must(t, http.StatusNotFound)
}

func TestDomains_areProvenByAdministrators(t *testing.T) {
	k := newKit(t)
	path := "/portal/organisation/domains"
	k.browser(k.world.person(fabrikam, models.PersonApprover, true)).post(path, "domain", "new.example").must(t, http.StatusForbidden)
	k.browser(k.world.person(fabrikam, models.PersonAdmin, false)).post(path, "domain", "new.example").must(t, http.StatusForbidden, "Prove once more")
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	b.get("/portal/organisation").must(t, http.StatusOK, "fabrikam.example", "_countersign-challenge.fabrikam.test", "countersign=abc")
	b.post(path, "domain", "https://new.example/about").must(t, http.StatusSeeOther)
	b.post(path, "domain", "taken.example").must(t, http.StatusBadRequest, "taken.example belongs to another customer")
	b.post(path+"/prove", "domain", "new.example").must(t, http.StatusBadRequest, "The record of new.example was not found")
	b.post(path+"/prove", "domain", "fabrikam.test").must(t, http.StatusSeeOther)
	b.post(path+"/release", "domain", "fabrikam.example").must(t, http.StatusSeeOther)
	if got := k.world.changed(); !slices.Equal(got, []string{"challenge new.example by customer", "prove fabrikam.test by customer", "release fabrikam.example by customer"}) {
		t.Errorf("changed %v", got)
	}
}

// Who acts under another's permission is named, on its page and before it ends.
func TestDerived_isShownAsSuch(t *testing.T) {
	k := newKit(t)
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	b.get("/portal/permissions/"+live).must(t, http.StatusOK, "Who else acts under it", "Tailwind Distribution", "/portal/permissions/"+derived)
	b.get("/portal/permissions/"+live+"/end").must(t, http.StatusOK, "Tailwind Distribution acts under this permission and is stopped too")
	parent := models.GrantID(live)
	k.world.grants[gone].State, k.world.grants[gone].DerivedFrom = models.GrantActive, &parent
	a := b.get("/portal/permissions/"+gone).must(t, http.StatusOK, "acts under the permission of another one", "/portal/permissions/"+live)
	if strings.Contains(a.body, "/change") {
		t.Error("the terms of a derived permission can be changed")
	}
}
