package portal_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/consent"
	"countersign/models"
)

const clientsPage = "/portal/organisation/clients"

// R7: an administrator in a fresh session makes clients that speak for the tenant; the
// secret stands in the answer that nothing stores, and nowhere after it.
func TestClients_areMadeByAdministratorsAndShowTheirSecretOnce(t *testing.T) {
	k := newKit(t)
	given := []string{"name", "Asset management", "scope", "consents.decide", "scope", "tenant.manage"}
	approver := k.browser(k.world.person(fabrikam, models.PersonApprover, true))
	approver.get(clientsPage).must(t, http.StatusForbidden, "Only for administrators")
	approver.post(clientsPage, given...).must(t, http.StatusForbidden)
	stale := k.browser(k.world.person(fabrikam, models.PersonAdmin, false))
	a := stale.get(clientsPage).must(t, http.StatusOK, "Confirm that it is me", "Asset management", "Decide over permissions", "used 3 days ago", "expires on 26 November 2027", "frozen", "never used")
	if strings.Contains(a.body, "/take") {
		t.Error("rights can be taken before the step-up")
	}
	stale.post(clientsPage, given...).must(t, http.StatusForbidden, "Prove once more")
	stale.post(clientsPage+"/"+string(machine)+"/take", "scope", "consents.decide").must(t, http.StatusForbidden, "Prove once more")
	if changed := k.world.changed(); len(changed) > 0 {
		t.Fatalf("changed %v", changed)
	}
	admin := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	made := admin.post(clientsPage, given...).must(t, http.StatusCreated, "the-secret-shown-once", string(machine), "shown this once")
	if made.header.Get("Cache-Control") != "no-store" || len(made.header.Values("Set-Cookie")) > 0 {
		t.Errorf("the answer with a secret has the headers %v", made.header)
	}
	if again := admin.get(clientsPage).must(t, http.StatusOK); strings.Contains(again.body, "the-secret") {
		t.Error("the secret is shown again")
	}
	admin.post(clientsPage, "scope", "devices.read").must(t, http.StatusBadRequest, "Give it a name", `href="#field-name"`, `value="devices.read" checked`)
	admin.post(clientsPage+"/"+string(machine)+"/take", "scope", "consents.decide").must(t, http.StatusSeeOther)
	admin.get(clientsPage).must(t, http.StatusOK, "The right is taken.")
	admin.post(clientsPage+"/another/take", "scope", "consents.decide").must(t, http.StatusNotFound)
	if got := k.world.changed(); !slices.Equal(got, []string{"client Asset management consents.decide+tenant.manage -", "take consents.decide -"}) {
		t.Errorf("changed %v", got)
	}
}

// E9: everything ends with one form, once its reader has repeated how many they are.
func TestEndAll_endsAsManyAsTheReaderRepeats(t *testing.T) {
	k := newKit(t)
	k.world.addGrant("0190dddd-0000-7000-8000-000000000004", models.GrantSuspended, 1, 0)
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	path := "/portal/permissions/end-all"
	b.get("/portal/permissions").must(t, http.StatusOK, path)
	b.get("/portal/partners/"+string(northwind)).must(t, http.StatusOK, path+"?partner="+string(northwind))
	b.get(path).must(t, http.StatusOK, "2 permissions end:", "Northwind Devices")
	b.get(path+"?partner="+string(northwind)).must(t, http.StatusOK, "End all permissions of Northwind Devices", "2 permissions end:")
	b.get(path+"?partner=x").must(t, http.StatusNotFound)
	for given, status := range map[string]int{"": http.StatusBadRequest, "many": http.StatusBadRequest, "0": http.StatusBadRequest, "1": http.StatusConflict, "3": http.StatusConflict} {
		b.post(path, "count", given).must(t, status, `role="alert"`, "2 permissions end:")
	}
	k.browser(k.world.person(contoso, models.PersonAdmin, true)).post(path, "count", "2").must(t, http.StatusConflict)
	if changed := k.world.changed(); len(changed) > 0 {
		t.Fatalf("changed %v", changed)
	}
	a := b.post(path, "count", "2", "reason", "A break-in.", "partner", string(northwind)).must(t, http.StatusSeeOther)
	b.get(a.location).must(t, http.StatusOK, "The permissions have ended.", "Northwind Devices")
	b.get(path).must(t, http.StatusOK, "Nobody may act for you")
	if got := k.world.changed(); !slices.Equal(got, []string{`end 2 of "` + string(northwind) + `": A break-in.`}) {
		t.Errorf("changed %v", got)
	}
}

// E3: change, renewal and gift carry the words over which the person decided.
func TestForms_carryTheWordsThatWereShown(t *testing.T) {
	k := newKit(t)
	k.world.others = []string{"Alpine IT"}
	b := k.browser(k.world.person(fabrikam, models.PersonAdmin, true))
	grant := consent.Wording("en", consent.PromiseOfGrant(*k.world.grants[live])).Digest()
	for _, row := range []struct{ path, want string }{
		{"/portal/permissions/" + live + "/change", grant},
		{"/portal/permissions/" + live + "/renew", grant},
		{"/portal/partners/" + string(northwind) + "/give", consent.Wording("en", consent.Offer(k.world.others)).Digest()},
	} {
		_, rest, _ := strings.Cut(b.get(row.path).must(t, http.StatusOK).body, `name="words" value="`)
		words, _, _ := strings.Cut(rest, `"`)
		b.post(row.path, "words", words, "scope", "devices.register", "limit", "5", "until", "2027-09-30").must(t, http.StatusSeeOther)
		if got := k.world.readings[len(k.world.readings)-1]; got != (consent.Reading{Language: "en", Seen: row.want}) {
			t.Errorf("%s: the reading is %+v", row.path, got)
		}
	}
}

// The address that the API answers partners with leads to the requests of that partner.
func TestRequests_areThoseOfOnePartner(t *testing.T) {
	k := newKit(t)
	other := *k.world.requests[waiting]
	other.ID, other.PartnerID, other.Purpose = "0190cccc-0000-7000-8000-000000000002", "0190bbbb-0000-7000-8000-000000000002", "Something of another partner."
	k.world.requests[string(other.ID)] = &other
	b := k.browser(k.world.person(fabrikam, models.PersonApprover, false))
	b.get("/portal/requests").must(t, http.StatusOK, waiting, string(other.ID))
	of := "/portal/requests?partner=" + strings.ToUpper(string(northwind))
	a := b.get(of).must(t, http.StatusOK, waiting, "Only the requests of Northwind Devices.", "state=declined&amp;partner="+string(northwind))
	if strings.Contains(a.body, string(other.ID)) {
		t.Error("the request of another partner is there")
	}
	b.get("/portal/requests?partner=none").must(t, http.StatusNotFound)
}
