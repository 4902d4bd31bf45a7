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
	if c.Listen != "127.0.0.1:8080" || c.PublicURL != "http://127.0.0.1:8080" {
		t.Errorf("listen %q, public URL %q", c.Listen, c.PublicURL)
	}
	if c.DatabaseURL != "sqlite:countersign-data/gateway.db" || c.CoreDatabaseURL != "sqlite:countersign-data/core.db" {
		t.Errorf("databases %q and %q", c.DatabaseURL, c.CoreDatabaseURL)
	}
}

func TestLoadConfig_flagsBeatEnvironmentBeatsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("workers: 3\nlog_level: warn\nlog_format: json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, []string{"--config", file, "--workers", "5"}, []string{"COUNTERSIGN_WORKERS=4", "COUNTERSIGN_LOG_LEVEL=error", "PATH=/bin"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Workers != 5 || c.LogLevel != "error" || c.LogFormat != "json" {
		t.Errorf("workers %d level %s format %s", c.Workers, c.LogLevel, c.LogFormat)
	}
}

func TestLoadConfig_refuses(t *testing.T) {
	for name, c := range map[string]struct {
		args, environ []string
		want          string
	}{
		"an unknown variable":            {nil, []string{"COUNTERSIGN_LISTNE=x"}, "listne"},
		"a listen address without port":  {[]string{"--listen", "localhost"}, nil, "host:port"},
		"plain http for a public name":   {[]string{"--public-url", "http://gw.example.com"}, nil, "plain http"},
		"a slash at the issuer's end":    {[]string{"--public-url", "https://gw.example.com/"}, nil, "slash"},
		"a certificate without its key":  {[]string{"--tls-cert", "x.pem"}, nil, "together"},
		"a budget of nothing":            {[]string{"--devices-per-hour", "0"}, nil, "devices_per_hour"},
		"a number that is none":          {nil, []string{"COUNTERSIGN_WORKERS=many"}, "workers"},
		"a log level nobody knows":       {[]string{"--log-level", "loud"}, nil, "log_level"},
		"a core over plain http":         {[]string{"--core-url", "http://core.internal:9443"}, nil, "plain http"},
		"a core without who calls":       {[]string{"--core-url", "https://core.internal:9443"}, nil, "core_tls_cert"},
		"a core's certificate, no key":   {[]string{"--core-url", "https://core.internal", "--core-tls-cert", "c"}, nil, "together"},
		"certificates over plain http":   {[]string{"--core-url", "http://127.0.0.1:1", "--core-tls-ca", "c"}, nil, "plain http"},
		"certificates for no core":       {[]string{"--core-tls-ca", "c"}, nil, "core_url"},
		"a core URL with a path":         {[]string{"--core-url", "https://core.internal/x"}, nil, "https://host:port"},
		"a core URL with a password":     {[]string{"--core-url", "https://a:b@core.internal"}, nil, "https://host:port"},
		"two cores":                      {[]string{"--core-url", "http://127.0.0.1:1", "--core-database-url", "sqlite:x"}, nil, "exclude"},
		"a Redis URL of another kind":    {nil, []string{"COUNTERSIGN_REDIS_URL=http://h"}, "redis_url must be redis://"},
		"a public URL that is not a URL": {[]string{"--public-url", "gw"}, nil, "public_url"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.args, c.environ)
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.want)) {
				t.Errorf("error = %v, want it to name %q", err, c.want)
			}
		})
	}
}

func TestLoadConfig_redisURLIsASecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("redis_url: rediss://gw:hunter2@redis.internal:6380/2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, []string{"--config", file}, nil)
	if err != nil || c.RedisURL != "rediss://gw:hunter2@redis.internal:6380/2" {
		t.Errorf("from the file: %q, %v", c.RedisURL, err)
	}
	if _, err := load(t, nil, []string{"COUNTERSIGN_REDIS_URL=redis://gw:hunter2@h:port"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a wrong URL: %v", err)
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	bindFlags(flags)
	if flags.Lookup("redis-url") != nil {
		t.Error("there is a flag for it: everybody on the machine reads command lines")
	}
}

func TestLoadConfig_ignoresTheClientsVariables(t *testing.T) {
	if _, err := load(t, nil, []string{"COUNTERSIGN_URL=http://x", "COUNTERSIGN_CLIENT_SECRET=y"}); err != nil {
		t.Error(err)
	}
}

func TestLoadConfig_devAllowsPlainHTTP(t *testing.T) {
	if _, err := load(t, []string{"--public-url", "http://gw.example.com", "--dev"}, nil); err != nil {
		t.Error(err)
	}
}

func TestLoadConfig_coreElsewhere(t *testing.T) {
	for name, args := range map[string][]string{
		"mutual TLS":      {"--core-url", "https://core.internal:9443", "--core-tls-cert", "c", "--core-tls-key", "k"},
		"on this machine": {"--core-url", "http://127.0.0.1:9443"},
		"development":     {"--core-url", "http://core.internal:9443", "--dev"},
	} {
		c, err := load(t, args, nil)
		if err != nil || c.CoreDatabaseURL != "" {
			t.Errorf("%s: core database %q, %v", name, c.CoreDatabaseURL, err)
		}
	}
}
