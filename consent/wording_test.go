package consent

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var updateWording = flag.Bool("update-wording", false, "write the texts of a new version of the wording")

// samplePromises are the terms whose words stand in testdata/wording.
func samplePromises() []Promise {
	until := time.Date(2027, 3, 31, 18, 5, 0, 0, time.FixedZone("", 3600))
	return []Promise{
		{Scopes: GrantScopes(), Until: until},
		{
			Scopes: []string{GrantScopeDevicesRegister}, DeviceLimit: ptr(int64(1234567)), Manufacturers: []string{"Contoso"},
			GroupTags: []string{"lab", "sales"}, PurchaseOrders: []string{"4711", "4712", "4713"}, Until: until,
			Others: []string{"Fjord Logistics", "Alpine IT"},
		},
	}
}

// A change of what a person reads is a reviewed change: it needs a new version, and
// the text of each version is kept for those who agreed to it.
func TestWordingIsWhatWasReviewed(t *testing.T) {
	t.Parallel()
	for _, language := range Languages() {
		var text strings.Builder
		var version string
		for _, promise := range samplePromises() {
			words := Wording(language, promise)
			version = words.Version
			text.WriteString(words.Text() + "digest: " + words.Digest() + "\n\n")
		}
		name := filepath.Join("testdata", "wording", version+"."+language+".txt")
		if _, err := os.Stat(name); os.IsNotExist(err) && *updateWording {
			if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatalf("no reviewed text of version %s: run this test with -update-wording and have it read: %v", version, err)
		}
		if string(want) != text.String() {
			t.Errorf("%s: the words changed without a new version:\n%s", language, text.String())
		}
	}
}

// A catalogue with a sentence missing would show a person less than it should.
func TestEveryCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	whole := catalogues[defaultLanguage]
	for language, c := range catalogues {
		if c.Language != language {
			t.Errorf("%s.json says it is %q", language, c.Language)
		}
		if c.Version != whole.Version {
			t.Errorf("%s: version %q, English has %q", language, c.Version, whole.Version)
		}
		missing(t, language, reflect.ValueOf(c))
		for _, scope := range GrantScopes() {
			if c.Scopes[scope].May == "" || c.Scopes[scope].Without == "" {
				t.Errorf("%s: no words for %s", language, scope)
			}
		}
		for name, pair := range map[string][2][]string{
			"never": {c.Never, whole.Never}, "happens": {c.Happens, whole.Happens}, "data": {c.Data, whole.Data},
		} {
			if len(pair[0]) != len(pair[1]) {
				t.Errorf("%s: %s has %d sentences, English has %d", language, name, len(pair[0]), len(pair[1]))
			}
		}
	}
}

// missing reports empty texts of a catalogue.
func missing(t *testing.T, language string, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			if f.String() == "" {
				t.Errorf("%s: %s is empty", language, v.Type().Field(i).Name)
			}
		case reflect.Struct:
			missing(t, language, f)
		default:
		}
	}
}

// The words follow the terms: whatever is not given is said to be impossible.
func TestWordingFollowsTheTerms(t *testing.T) {
	t.Parallel()
	until := time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)
	c := catalogues["en"]
	for _, scope := range GrantScopes() {
		w := Wording("en", Promise{Scopes: []string{scope}, Until: until})
		if !slices.Equal(w.May, []string{c.Scopes[scope].May}) || slices.Contains(w.Cannot, c.Scopes[scope].Without) {
			t.Errorf("%s: may %q", scope, w.May)
		}
		if len(w.Cannot) != len(GrantScopes())-1+len(c.Never) {
			t.Errorf("%s: cannot %q", scope, w.Cannot)
		}
	}
	a, b := Wording("en", samplePromises()[0]), Wording("en", samplePromises()[0])
	if a.Digest() != b.Digest() || len(a.Digest()) != 64 {
		t.Error("one text, two digests")
	}
	longer := samplePromises()[0]
	longer.Until = longer.Until.Add(time.Hour)
	if Wording("en", longer).Digest() == a.Digest() || Wording("de", samplePromises()[0]).Digest() == a.Digest() {
		t.Error("other terms or another language have the same digest")
	}
	if w := Wording("tlh", samplePromises()[0]); w.Language != "en" {
		t.Errorf("an unknown language gets %q", w.Language)
	}
}
