package notice

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// E (security §2.4): what a partner wrote stands in a mail as one harmless line.
func TestPlain(t *testing.T) {
	t.Parallel()
	const gone = "[gone]"
	for in, want := range map[string]string{
		"Northwind Devices":                        "Northwind Devices",
		"Müller & Söhne GmbH, 2. Halbjahr v1.2":    "Müller & Söhne GmbH, 2. Halbjahr v1.2",
		"see https://evil.example/x?y=1 now":       "see [gone] now",
		"see HTTPS://EVIL.example":                 "see [gone]",
		"javascript:alert(1)":                      "javascript:alert(1)",
		"mail a.b@evil.example please":             "mail [gone] please",
		"www.evil.example/login":                   "[gone]",
		"evil.example":                             "[gone]",
		"login at evil.example:8443/sign-in today": "login at [gone] today",
		"evil。example":                             "[gone]",
		"öffne bücher.example":                     "öffne [gone]",
		"two\r\nBcc: x":                            "two Bcc: x",
		"line\u2028break\u2029s":                   "line break s",
		"\u202Egnp.exe":                            "[gone]",
		"zero\u200Bwidth\uFEFF\u2060 \u00ADx":      "zerowidth x",
		"evil\u200B.example":                       "[gone]",
		"blank\u3164\u2800letters":                 "blankletters",
		"tag\U000E0041s \uFE0F":                    "tags",
		"a\x00b\x1b[31mc":                          "ab[31mc",
		"bad\xffbytes":                             "badbytes",
		"  many   blanks\t here ":                  "many blanks here",
	} {
		if got := plain(in, 80, gone); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	long := plain(strings.Repeat("ä", 500), 80, gone)
	if n := len([]rune(long)); n != 80 || !strings.HasSuffix(long, "…") {
		t.Errorf("500 letters became %d: %s", n, long)
	}
}

// link is what no mail program may find.
var link = regexp.MustCompile(`(?i)[a-z]://|\bwww\.|@|[\pL\pN]\.\pL\pL`)

func FuzzPlain(f *testing.F) {
	f.Add("https://x.example\r\nTo: y")
	f.Fuzz(func(t *testing.T, in string) {
		out := plain(in, 80, "-")
		if len([]rune(out)) > 80 || strings.ContainsFunc(out, unicode.IsControl) || link.MatchString(out) {
			t.Errorf("%q became %q", in, out)
		}
	})
}

// Every language says everything, with the same places to fill in.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	c, err := loadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	if len(c) < 2 {
		t.Fatalf("%d languages", len(c))
	}
	for language, w := range c {
		for key, text := range c[DefaultLanguage] {
			if w[key] == "" {
				t.Errorf("%s has no text for %s", language, key)
			}
			if got, want := places(w[key]), places(text); got != want {
				t.Errorf("%s %s has the places %s, want %s", language, key, got, want)
			}
		}
		if len(w) != len(c[DefaultLanguage]) {
			t.Errorf("%s has %d texts, %s has %d", language, len(w), DefaultLanguage, len(c[DefaultLanguage]))
		}
	}
	for _, name := range append([]string{"lapsed", "expiring"}, values(occasions)...) {
		for _, key := range []string{"tenant." + name, "partner." + name} {
			if c[DefaultLanguage][key+".text"] == "" && key != "partner.reminded" {
				t.Errorf("there is no text for %s", key)
			}
		}
	}
	if got := c.in("xx")["removed"]; got != c[DefaultLanguage]["removed"] {
		t.Errorf("an unknown language says %q", got)
	}
	// A value is never taken for a place.
	w := words{"k": "{partner} asks {tenant}"}
	if got := w.say("k", map[string]string{"partner": "{tenant}", "tenant": "T"}); got != "{tenant} asks T" {
		t.Errorf("filled in twice: %s", got)
	}
}

func places(text string) string {
	found := map[string]bool{}
	for _, part := range strings.Split(text, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		found[name] = true
	}
	var names []string
	for name := range found {
		names = append(names, name)
	}
	return strings.Join(sorted(names), " ")
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func values(m map[string]string) []string { return slices.Sorted(maps.Values(m)) }
