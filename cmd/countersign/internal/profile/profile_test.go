package profile_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/cmd/countersign/internal/profile"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

var stored = profile.Profile{URL: "https://gw", ClientID: "c1", ClientSecret: "hush-hush"}

func TestWithEnv(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from-file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  []string
		want profile.Profile
	}{
		"nothing set":                         {nil, stored},
		"the same gateway keeps the secret":   {[]string{"COUNTERSIGN_URL", "https://gw/"}, stored},
		"another gateway does not get it":     {[]string{"COUNTERSIGN_URL", "https://other"}, profile.Profile{URL: "https://other", ClientID: "c1"}},
		"another client does not get it":      {[]string{"COUNTERSIGN_CLIENT_ID", "c2"}, profile.Profile{URL: "https://gw", ClientID: "c2"}},
		"a secret":                            {[]string{"COUNTERSIGN_CLIENT_SECRET", "s"}, profile.Profile{URL: "https://gw", ClientID: "c1", ClientSecret: "s"}},
		"a secret's file":                     {[]string{"COUNTERSIGN_CLIENT_SECRET_FILE", file}, profile.Profile{URL: "https://gw", ClientID: "c1", ClientSecret: "from-file"}},
		"a key file takes the secret's place": {[]string{"COUNTERSIGN_CLIENT_KEY_FILE", "k.pem"}, profile.Profile{URL: "https://gw", ClientID: "c1", KeyFile: "k.pem"}},
		"plain http":                          {[]string{"COUNTERSIGN_PLAIN_HTTP", "1"}, profile.Profile{URL: "https://gw", ClientID: "c1", ClientSecret: "hush-hush", PlainHTTP: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := stored.WithEnv(env(c.env...)); err != nil || got != c.want {
				t.Errorf("got %+v (%s), %v", got, got.ClientSecret, err)
			}
		})
	}
	if _, err := stored.WithEnv(env("COUNTERSIGN_CLIENT_SECRET_FILE", file+"x")); err == nil {
		t.Error("a missing secret file was passed over")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*profile.Profile){
		"COUNTERSIGN_URL":           func(p *profile.Profile) { p.URL = "" },
		"not the address":           func(p *profile.Profile) { p.URL = "gw.example.com" },
		"in the clear":              func(p *profile.Profile) { p.URL = "http://gw.example.com" },
		"COUNTERSIGN_CLIENT_ID":     func(p *profile.Profile) { p.ClientID = "" },
		"COUNTERSIGN_CLIENT_SECRET": func(p *profile.Profile) { p.ClientSecret = "" },
		"one of them":               func(p *profile.Profile) { p.KeyFile = "k.pem" },
	} {
		p := stored
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("error = %v, want it to say %q", err, want)
		}
	}
	for _, address := range []string{"http://127.0.0.1:8080", "http://localhost", "http://[::1]:1", "https://gw.example.com"} {
		p := stored
		if p.URL = address; p.Check() != nil {
			t.Errorf("%s: %v", address, p.Check())
		}
	}
	p := stored
	if p.URL, p.PlainHTTP = "http://gw", true; p.Check() != nil {
		t.Error(p.Check())
	}
}

func TestFile_isItsOwnersAlone(t *testing.T) {
	t.Parallel()
	path, err := profile.Path(env("XDG_CONFIG_HOME", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	f, err := profile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Profiles["plant"] = stored
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	f, err = profile.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Named("plant"); err != nil || got != stored {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := f.Named("other"); err == nil || !strings.Contains(err.Error(), "plant") {
		t.Errorf("error = %v", err)
	}
	if got, err := f.Named(profile.Default); err != nil || got != (profile.Profile{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := profile.Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("error = %v", err)
	}
}

func TestProfile_secretIsNotPrinted(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(format, stored); strings.Contains(text, "hush") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func TestWithEnv_authorities(t *testing.T) {
	t.Parallel()
	p := profile.Profile{URL: "https://a.example", ClientID: "c", ClientSecret: "s", CAFile: "/kept.pem"}
	none := func(string) string { return "" }
	if got, err := p.WithEnv(none); err != nil || got.CAFile != "/kept.pem" {
		t.Errorf("%q, %v", got.CAFile, err)
	}
	set := func(name string) string { return map[string]string{"COUNTERSIGN_CA_FILE": "/env.pem"}[name] }
	if got, err := p.WithEnv(set); err != nil || got.CAFile != "/env.pem" || got.ClientSecret != "s" {
		t.Errorf("%+v, %v", got.CAFile, err)
	}
}
