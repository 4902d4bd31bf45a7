package portal

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/authz/signin"
	"countersign/consent"
	"countersign/internal/ledger"
	"countersign/models"
)

func readMessages(t *testing.T) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	names, err := filepath.Glob("messages/*.json")
	if err != nil || len(names) < 2 {
		t.Fatalf("messages: %v %v", names, err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var words map[string]string
		if err := json.Unmarshal(raw, &words); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".json")] = words
	}
	return all
}

var placePattern = regexp.MustCompile(`\{[a-z]+\}`)

func places(s string) []string {
	found := placePattern.FindAllString(s, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// Every language says the same things, with the same places to fill.
func TestMessages_sayTheSameInEveryLanguage(t *testing.T) {
	all := readMessages(t)
	english := all["en"]
	for language, words := range all {
		for key, text := range words {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s says nothing", language, key)
			}
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %s is not in English", language, key)
			}
		}
		for key, text := range english {
			other, ok := words[key]
			if !ok {
				t.Errorf("%s: %s is missing", language, key)
			} else if !slices.Equal(places(text), places(other)) && !strings.HasPrefix(key, "date.") {
				t.Errorf("%s: %s has %v, English %v", language, key, places(other), places(text))
			}
		}
	}
}

// families are the keys that are put together from a word and a value.
func families() map[string][]string {
	strs := func(values ...any) (out []string) {
		for _, v := range values {
			out = append(out, fmt.Sprint(v))
		}
		return out
	}
	f := map[string][]string{
		"state":                 strs(models.RequestPending, models.RequestGranted, models.RequestDeclined, models.RequestWithdrawn, models.GrantActive, models.GrantSuspended, models.GrantRevoking, models.GrantRevoked, models.GrantExpired),
		"requests.tab":          strs(models.RequestPending, models.RequestDeclined, models.RequestWithdrawn, models.RequestExpired),
		"requests.none":         strs(models.RequestPending, models.RequestDeclined, models.RequestWithdrawn, models.RequestExpired),
		"request.was":           strs(models.RequestDeclined, models.RequestWithdrawn, models.RequestExpired),
		"partner.kind":          strs(models.OEM, models.DirectReseller, models.IndirectProvider, models.IndirectReseller),
		"role":                  strs(models.PersonAdmin, models.PersonApprover),
		"actor":                 strs(models.ActorCustomer, models.ActorPartner, models.ActorOperator, models.ActorSystem),
		"history.first.request": strs(models.RequestPending),
		"history.first.grant":   strs(models.GrantActive),
		"history.request":       strs(models.RequestGranted, models.RequestDeclined, models.RequestWithdrawn, models.RequestExpired),
		"history.grant":         strs(models.GrantActive, models.GrantSuspended, models.GrantRevoking, models.GrantRevoked, models.GrantExpired),
		"device.state":          strs(models.RegistrationActive, models.RegistrationEnded),
		"refusal.kind":          {"invalid", "unauthenticated", "forbidden", "not_found", "conflict", "rate_limited", "unavailable", "internal"},
	}
	f["settings.field"] = settingsFields
	f["settings.hint"] = slices.DeleteFunc(slices.Clone(settingsFields), func(name string) bool { return name == "authMethod" })
	f["settings.method"] = strs(models.ProviderBasic, models.ProviderPost, models.ProviderKeyJWT)
	f["event"] = strs(
		ledger.ConsentRequested, ledger.ConsentGranted, ledger.ConsentDeclined, ledger.ConsentWithdrawn, ledger.ConsentExpired, ledger.ConsentReminded,
		ledger.ConsentAmended, ledger.ConsentSuspended, ledger.ConsentResumed, ledger.ConsentRevoking, ledger.ConsentRevoked, ledger.ConsentRenewed, ledger.ConsentGivenBack,
		ledger.PartnerBlocked, ledger.PartnerUnblocked, ledger.TenantCreated, ledger.TenantSuspended, ledger.TenantResumed,
		ledger.PersonAdded, ledger.PersonChanged, ledger.PersonRemoved, ledger.PersonSignedIn,
		"any", "any.tenant", "any.person", "any.client", "any.partner", "any.consent", "any.device",
	)
	for _, scope := range authz.AllowedScopes(models.OwnerTenant) {
		f["clients.scope"] = append(f["clients.scope"], scopeKey(scope))
	}
	f["clients.take"] = []string{scopeKey(authz.ScopeConsentsDecide), scopeKey(authz.ScopeTenantManage), scopeKey(authz.ScopeDevicesWrite)}
	f["clients.wrong"] = []string{"name", "scope"}
	for _, kind := range slices.Clone(f["refusal.kind"]) {
		f["refusal.kind"] = append(f["refusal.kind"], kind+".text")
	}
	return f
}

// No key of a family is missing, none is left over, and every key in code and templates
// is there.
func TestMessages_areUsedAndThere(t *testing.T) {
	english := readMessages(t)["en"]
	used := map[string]bool{"language.name": true, "date.months": true}
	for family, values := range families() {
		for _, value := range values {
			used[family+"."+value] = true
		}
	}
	source := sources(t)
	for _, pattern := range []string{`\bT "([a-zA-Z_.]+)"`, `\.T\("([a-zA-Z_.]+)"`, `title(?:Key)?(?:, title)? := [^,]*, "([a-zA-Z_.]+)"`, `changing\("[a-z]+", "([a-zA-Z_.]+)"`, `title = [^"]*"([a-zA-Z_.]+)"`} {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(source, -1) {
			if !strings.HasSuffix(m[1], ".") {
				used[m[1]] = true
			}
		}
	}
	for _, pattern := range []string{`\bN "([a-zA-Z_.]+)"`, `\.N\("([a-zA-Z_.]+)"`} {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(source, -1) {
			used[m[1]+".one"], used[m[1]+".other"] = true, true
		}
	}
	for _, pattern := range []string{`done\("([a-z_]+)"`, `[cC]hanged\("([a-z_]+)"`, `word, err = "([a-z_]+)"`, `word :?= "([a-z_]+)"`, `v\.domain\("([a-z_]+)"`} {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(source, -1) {
			used["done."+m[1]] = true
		}
	}
	for _, key := range []string{"domains.not_proven", "domains.taken", "domains.wrong"} {
		used[key] = true // chosen by the refusal
	}
	for _, code := range refusalCodes() {
		used["refusal."+code], used["refusal."+code+".text"] = true, true
	}
	for key := range used {
		if _, ok := english[key]; !ok {
			t.Errorf("%s is used and not there", key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(english)) {
		if !used[key] {
			t.Errorf("%s is never used", key)
		}
	}
}

// refusalCodes are the words with a sentence of their own on pages: those of the pages and
// those that a reader meets.
func refusalCodes() []string {
	return []string{
		errNoPage.Code, errMethod.Code, errForged.Code, errFormKind.Code, errFormTooLarge.Code, errSignedOut.Code, errAdminsOnly.Code,
		errNotFresh.Code, consent.ErrLink.Code, consent.ErrWordsChanged.Code, consent.ErrNoRight.Code,
		signin.ErrInvitation.Code, signin.ErrNotAllowed.Code, signin.ErrMoreFactors.Code, signin.ErrSignInRefused.Code, signin.ErrProvider.Code, signin.ErrLastAdmin.Code, consent.ErrNoReceipt.Code,
		consent.ErrNotFound.Code, consent.ErrExists.Code, consent.ErrPartnerSuspended.Code,
	}
}

func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"*.go", "templates/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(raw)
		}
	}
	return all.String()
}

func testReader(t *testing.T, language, zone string) reader {
	t.Helper()
	c, err := loadCatalogs()
	if err != nil {
		t.Fatal(err)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return reader{catalog: c.choose(language, ""), zone: location, now: time.Date(2026, 11, 26, 14, 5, 0, 0, time.UTC)}
}

func TestReader_writesNumbersAndTimesOfItsLanguage(t *testing.T) {
	at := time.Date(2026, 3, 1, 23, 30, 4, 217_000_000, time.UTC)
	for _, row := range []struct{ language, zone, date, moment, number, one, many string }{
		{"en", "UTC", "1 March 2026, 23:30 UTC", "1 March 2026, 23:30:04.217 UTC", "1,234,567", "1 device left", "2 devices left"},
		{"de", "Europe/Berlin", "2. März 2026, 00:30 Uhr CET", "2. März 2026, 00:30:04.217 Uhr CET", "1.234.567", "1 Gerät übrig", "2 Geräte übrig"},
	} {
		r := testReader(t, row.language, row.zone)
		if got := r.Date(at); got != row.date {
			t.Errorf("%s: date %q", row.language, got)
		}
		if got := r.Moment(at); got != row.moment {
			t.Errorf("%s: moment %q", row.language, got)
		}
		if got := r.Number(1_234_567); got != row.number {
			t.Errorf("%s: number %q", row.language, got)
		}
		if one, many := r.N("gauge.left", 1), r.N("gauge.left", 2); one != row.one || many != row.many {
			t.Errorf("%s: %q %q", row.language, one, many)
		}
	}
}

func TestChoose_takesThePickedLanguageThenWhatTheBrowserAccepts(t *testing.T) {
	c, err := loadCatalogs()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ picked, accepted, want string }{
		{"", "", "en"}, {"", "de-AT,de;q=0.9,en;q=0.5", "de"}, {"", "fr", "en"}, {"de", "en", "de"}, {"xx", "de", "de"}, {"", ";;;\x00", "en"},
	} {
		if got := c.choose(row.picked, row.accepted).tag.String(); got != row.want {
			t.Errorf("picked %q, accepted %q: %s, want %s", row.picked, row.accepted, got, row.want)
		}
	}
}
