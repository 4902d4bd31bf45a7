package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func load(t *testing.T, args, environ []string) (Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	bindFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return loadConfig(flags, environ)
}

func TestLoadConfig_nothingSet(t *testing.T) {
	c, err := load(t, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:9443" || c.OpsListen != "127.0.0.1:9444" || c.DatabaseURL != "sqlite:registrard-data/core.db" {
		t.Errorf("%+v", c)
	}
}

func TestLoadConfig_flagsBeatEnvironmentBeatsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:1\nlog_level: warn\nlog_format: json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, []string{"--config", file, "--listen", "127.0.0.1:3"}, []string{"REGISTRARD_LISTEN=127.0.0.1:2", "REGISTRARD_LOG_LEVEL=error", "COUNTERSIGN_WORKERS=4"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.LogLevel != "error" || c.LogFormat != "json" {
		t.Errorf("%+v", c)
	}
}

// The database has the gateway's name for it, unless it is given under our own.
func TestLoadConfig_database(t *testing.T) {
	theirs := "COUNTERSIGN_CORE_DATABASE_URL=postgres://theirs/x"
	for want, environ := range map[string][]string{
		"postgres://theirs/x": {theirs},
		"sqlite:ours":         {"REGISTRARD_DATABASE_URL=sqlite:ours", theirs},
	} {
		if c, err := load(t, nil, environ); err != nil || c.DatabaseURL != want {
			t.Errorf("%v: %q, %v", environ, c.DatabaseURL, err)
		}
	}
}

func TestLoadConfig_refuses(t *testing.T) {
	mutual := []string{"--tls-cert", "c", "--tls-key", "k", "--client-ca", "a"}
	for name, c := range map[string]struct {
		args, environ []string
		want          string // empty: accepted
	}{
		"an unknown variable":           {nil, []string{"REGISTRARD_LISTNE=x"}, "listne"},
		"an address without port":       {[]string{"--listen", "localhost"}, nil, "host:port"},
		"operators' without port":       {[]string{"--ops-listen", "localhost"}, nil, "ops_listen"},
		"a certificate without its key": {[]string{"--tls-cert", "c"}, nil, "together"},
		"callers' without our own":      {[]string{"--client-ca", "a"}, nil, "client_ca"},
		"plain http for others":         {[]string{"--listen", ":9443"}, nil, "client_ca"},
		"the same in development":       {[]string{"--listen", "0.0.0.0:9443", "--dev"}, nil, "client_ca"},
		"TLS without asking who calls":  {[]string{"--listen", "core.internal:9443", "--tls-cert", "c", "--tls-key", "k"}, nil, "client_ca"},
		"a level that is none":          {[]string{"--log-level", "loud"}, nil, "log_level"},
		"mutual TLS for others":         {append([]string{"--listen", ":9443"}, mutual...), nil, ""},
		"plain http for this machine":   {[]string{"--listen", "[::1]:9443"}, nil, ""},
		"nothing for operators":         {[]string{"--ops-listen", ""}, nil, ""},
	} {
		_, err := load(t, c.args, c.environ)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
