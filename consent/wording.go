package consent

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"countersign/models"
)

// The words for what a partner may do and cannot do stand here and nowhere else:
// pages, receipts and the record of a decision take them from Wording. A
// catalogue is one file per language. Its version is part of what a person agreed
// to, so a published text never changes under its version.

// Promise is what the words are about: the terms of a request or of a grant.
type Promise struct {
	Scopes         []string // grant scopes; the order does not matter
	DeviceLimit    *int64   // devices; nil means no limit
	Manufacturers  []string // empty: any
	GroupTags      []string // empty: any
	PurchaseOrders []string // empty: any
	Until          time.Time
	Others         []string // names of the providers that may act under it too
}

// Words are whole sentences of plain text in one language.
type Words struct {
	Language string   // as in BCP 47: "en", "de"
	Version  string   // of the catalogue
	May      []string // one per scope
	Others   []string // one per provider that may do the same
	Cannot   []string // what the missing scopes leave out, then what no permission ever allows
	Happens  []string // what becomes of devices
	Data     []string // which data is received
	Limits   []string
	Until    string
	End      string // how it is taken back
}

// PromiseOf returns what a request asks for, for the partner alone.
func PromiseOf(r models.ConsentRequest) Promise {
	return promise(r.Scopes, r.DeviceLimit, r.GrantLists, r.GrantUntil)
}

// With returns the promise with the providers that a yes lets act too.
func (p Promise) With(others []string) Promise {
	p.Others = others
	return p
}

// PromiseOfGrant returns what a grant gives.
func PromiseOfGrant(g models.Grant) Promise {
	return promise(g.Scopes, g.DeviceLimit, g.GrantLists, g.ExpiresAt)
}

func promise(scopes string, limit *int64, lists models.GrantLists, until time.Time) Promise {
	return Promise{
		Scopes: strings.Fields(scopes), DeviceLimit: limit, Manufacturers: lists.Manufacturers,
		GroupTags: lists.GroupTags, PurchaseOrders: lists.PurchaseOrders, Until: until,
	}
}

// Languages lists the languages that have a catalogue, the default first.
func Languages() []string { return []string{defaultLanguage, "de"} }

const defaultLanguage = "en"

// Wording says in a language what a partner may do and cannot do. A language
// without a catalogue gets English.
func Wording(language string, p Promise) Words {
	c, ok := catalogues[language]
	if !ok {
		c = catalogues[defaultLanguage]
	}
	w := Words{Language: c.Language, Version: c.Version, Happens: c.Happens, Data: c.Data, End: c.End}
	asked := joinScopes(p.Scopes)
	for _, scope := range GrantScopes() {
		if hasScope(asked, scope) {
			w.May = append(w.May, c.Scopes[scope].May)
		} else {
			w.Cannot = append(w.Cannot, c.Scopes[scope].Without)
		}
	}
	for _, name := range p.Others {
		w.Others = append(w.Others, strings.ReplaceAll(c.Others, "{name}", name))
	}
	w.Cannot = append(w.Cannot, c.Never...)
	w.Limits = c.limits(p)
	w.Until = strings.ReplaceAll(c.Until, "{date}", p.Until.UTC().Format(c.Date))
	return w
}

// Text writes all sentences, one a line, in the form whose digest is recorded.
func (w Words) Text() string {
	lines := []string{"language: " + w.Language, "version: " + w.Version}
	for _, part := range []struct {
		name      string
		sentences []string
	}{
		{"may", w.May},
		{"others", w.Others},
		{"cannot", w.Cannot},
		{"happens", w.Happens},
		{"data", w.Data},
		{"limit", w.Limits},
		{"until", []string{w.Until}},
		{"end", []string{w.End}},
	} {
		for _, sentence := range part.sentences {
			lines = append(lines, part.name+": "+sentence)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// Digest is the SHA-256 of Text, in hexadecimal digits.
func (w Words) Digest() string {
	sum := sha256.Sum256([]byte(w.Text()))
	return hex.EncodeToString(sum[:])
}

// catalogue is one file of consent/wording.
type catalogue struct {
	Version   string                `json:"version"`
	Language  string                `json:"language"`
	Date      string                `json:"date"` // layout of package time
	Thousands string                `json:"thousands"`
	Or        string                `json:"or"`
	Scopes    map[string]scopeWords `json:"scopes"`
	Others    string                `json:"others"`
	Never     []string              `json:"never"`
	Happens   []string              `json:"happens"`
	Data      []string              `json:"data"`
	Limits    struct {
		Devices        string `json:"devices"`
		AnyDevices     string `json:"anyDevices"`
		Manufacturers  string `json:"manufacturers"`
		GroupTags      string `json:"groupTags"`
		PurchaseOrders string `json:"purchaseOrders"`
	} `json:"limits"`
	Until string `json:"until"`
	End   string `json:"end"`
}

type scopeWords struct {
	May     string `json:"may"`
	Without string `json:"without"`
}

//go:embed wording/*.json
var wordingFiles embed.FS

var catalogues = loadCatalogues()

// loadCatalogues reads the files this package was built with; the tests hold that
// each is whole.
func loadCatalogues() map[string]catalogue {
	loaded := map[string]catalogue{}
	for _, language := range Languages() {
		text, err := wordingFiles.ReadFile("wording/" + language + ".json")
		if err == nil {
			var c catalogue
			err = json.Unmarshal(text, &c)
			loaded[language] = c
		}
		if err != nil {
			panic(fmt.Errorf("consent: the wording in %s: %w", language, err))
		}
	}
	return loaded
}

func (c catalogue) limits(p Promise) []string {
	said := []string{c.Limits.AnyDevices}
	if p.DeviceLimit != nil {
		said[0] = strings.ReplaceAll(c.Limits.Devices, "{n}", c.number(*p.DeviceLimit))
	}
	for _, limit := range []struct {
		sentence string
		values   []string
	}{
		{c.Limits.Manufacturers, p.Manufacturers}, {c.Limits.GroupTags, p.GroupTags}, {c.Limits.PurchaseOrders, p.PurchaseOrders},
	} {
		if len(limit.values) > 0 {
			said = append(said, strings.ReplaceAll(limit.sentence, "{list}", c.list(limit.values)))
		}
	}
	return said
}

// number writes n with the language's mark between thousands.
func (c catalogue) number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + c.Thousands + digits[at:]
	}
	return digits
}

// list writes values for people: "a, b or c".
func (c catalogue) list(values []string) string {
	last := len(values) - 1
	if last == 0 {
		return values[0]
	}
	return strings.Join(values[:last], ", ") + c.Or + values[last]
}
