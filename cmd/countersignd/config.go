package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"countersign/gateway/ratelimit"
)

const envPrefix = "COUNTERSIGN_"

// Config is everything an operator can set. A setting is a flag (--data-dir), an
// environment variable (COUNTERSIGN_DATA_DIR) or a key of the YAML file
// (data_dir), the former winning over the latter; unknown names are refused.
// RedisURL has no flag: it may hold a password, and command lines are seen by
// everybody on the machine.
type Config struct {
	Listen          string `koanf:"listen"`            // address of the API
	PublicURL       string `koanf:"public_url"`        // issuer of tokens and base of links; default http(s):// and the listen address
	DataDir         string `koanf:"data_dir"`          // keys, SQLite files, operators' socket
	DatabaseURL     string `koanf:"database_url"`      // sqlite:PATH or postgres://…; default SQLite in the data directory
	CoreDatabaseURL string `koanf:"core_database_url"` // the core's own; default: a second file, or the schema "core" of the same server
	RedisURL        string `koanf:"redis_url"`         // redis://, rediss:// or unix://: budgets shared by replicas; default: counted in this process
	TLSCert         string `koanf:"tls_cert"`          // PEM file; with TLSKey the server speaks TLS itself
	TLSKey          string `koanf:"tls_key"`           // PEM file
	Dev             bool   `koanf:"dev"`               // development: less durable writes, plain http for any host
	LogFormat       string `koanf:"log_format"`        // text or json
	LogLevel        string `koanf:"log_level"`         // debug, info, warn or error
	Workers         int    `koanf:"workers"`           // dispatches forwarded at once by this process

	// Budgets of partners without one of their own.
	DevicesPerHour       int64 `koanf:"devices_per_hour"`        // devices, over all tenants
	TenantDevicesPerHour int64 `koanf:"tenant_devices_per_hour"` // devices for one tenant
	RequestsPerMinute    int64 `koanf:"requests_per_minute"`     // requests of one OAuth client
	TokensPerMinute      int64 `koanf:"tokens_per_minute"`       // token requests of one source address
}

func defaults() Config {
	return Config{
		Listen: "127.0.0.1:8080", DataDir: "./countersign-data",
		LogFormat: "text", LogLevel: "info", Workers: 2,
		DevicesPerHour: 2_000_000, TenantDevicesPerHour: 1_000_000,
		RequestsPerMinute: 6_000, TokensPerMinute: 120,
	}
}

// bindFlags names every setting as a flag. Defaults come from the struct, so
// that a flag counts only when it was given.
func bindFlags(flags *pflag.FlagSet) {
	d := defaults()
	flags.String("config", "", "YAML file with settings")
	flags.String("listen", d.Listen, "address of the API")
	flags.String("public-url", "", "issuer of tokens and base of links (default http(s):// and the listen address)")
	flags.String("data-dir", d.DataDir, "keys, SQLite files and the operators' socket")
	flags.String("database-url", "", "sqlite:PATH or postgres://… (default SQLite in the data directory)")
	flags.String("core-database-url", "", "the core's own database (default: beside the gateway's)")
	flags.String("tls-cert", "", "certificate chain (PEM file)")
	flags.String("tls-key", "", "private key of the certificate (PEM file)")
	flags.Bool("dev", false, "development: less durable writes, plain http for any host")
	flags.String("log-format", d.LogFormat, "text or json")
	flags.String("log-level", d.LogLevel, "debug, info, warn or error")
	flags.Int("workers", d.Workers, "dispatches forwarded at once by this process")
	flags.Int64("devices-per-hour", d.DevicesPerHour, "device budget of a partner")
	flags.Int64("tenant-devices-per-hour", d.TenantDevicesPerHour, "device budget of a partner for one tenant")
	flags.Int64("requests-per-minute", d.RequestsPerMinute, "request budget of an OAuth client")
	flags.Int64("tokens-per-minute", d.TokensPerMinute, "token requests of one source address")
}

// loadConfig reads defaults, file, environment and flags, each over the former.
func loadConfig(flags *pflag.FlagSet, environ []string) (Config, error) {
	k := koanf.New(".")
	if err := k.Load(structs.Provider(defaults(), "koanf"), nil); err != nil {
		return Config{}, err
	}
	known := k.Keys()
	if path, _ := flags.GetString("config"); path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return Config{}, fmt.Errorf("settings file %s: %w", path, err)
		}
	}
	err := k.Load(env.Provider(".", env.Opt{
		Prefix:        envPrefix,
		TransformFunc: func(key, value string) (string, any) { return settingName(key), value },
		EnvironFunc:   func() []string { return environ },
	}), nil)
	if err != nil {
		return Config{}, err
	}
	err = k.Load(posflag.ProviderWithFlag(flags, ".", k, func(f *pflag.Flag) (string, any) {
		name := strings.ReplaceAll(f.Name, "-", "_")
		if !f.Changed || !slices.Contains(known, name) { // a command's own flag
			return "", nil
		}
		return name, posflag.FlagVal(flags, f)
	}), nil)
	if err != nil {
		return Config{}, err
	}
	if err := refuseUnknown(k.Keys(), known); err != nil {
		return Config{}, err
	}
	var c Config
	if err := k.Unmarshal("", &c); err != nil {
		return Config{}, fmt.Errorf("settings: %w", err)
	}
	return c.complete()
}

// clientSettings are variables of the command-line client, which may be set in the
// same shell.
var clientSettings = []string{"url", "profile", "client_id", "client_secret", "client_secret_file", "client_key_file", "ca_file"}

func settingName(variable string) string {
	name := strings.ToLower(strings.TrimPrefix(variable, envPrefix))
	if strings.HasPrefix(name, "test_") || slices.Contains(clientSettings, name) {
		return "" // of the test harness or of the client, not of the server
	}
	return name
}

func refuseUnknown(given, known []string) error {
	for _, key := range given {
		if key != "" && !slices.Contains(known, key) {
			return fmt.Errorf("there is no setting %q (as a variable %s%s)", key, envPrefix, strings.ToUpper(key))
		}
	}
	return nil
}

// complete fills what follows from other settings and checks the rest, before
// anything is opened.
func (c Config) complete() (Config, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "" {
		return c, fmt.Errorf("listen: %q is not host:port", c.Listen)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return c, errors.New("tls_cert and tls_key go together")
	}
	if c.PublicURL == "" {
		c.PublicURL = c.scheme() + "://" + net.JoinHostPort(orLoopback(host), port)
	}
	if err := c.checkPublicURL(); err != nil {
		return c, err
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite:" + filepath.Join(c.DataDir, "gateway.db")
	}
	if c.CoreDatabaseURL == "" {
		c.CoreDatabaseURL = coreBeside(c.DatabaseURL)
	}
	if c.RedisURL != "" {
		if err := ratelimit.CheckRedisURL(c.RedisURL); err != nil {
			return c, fmt.Errorf("redis_url %w", err)
		}
	}
	if err := c.checkNumbers(); err != nil {
		return c, err
	}
	if !slices.Contains([]string{"text", "json"}, c.LogFormat) {
		return c, fmt.Errorf("log_format: %q is neither text nor json", c.LogFormat)
	}
	_, err = c.level()
	return c, err
}

// checkNumbers refuses budgets and workers of nothing.
func (c Config) checkNumbers() error {
	for name, n := range map[string]int64{
		"workers": int64(c.Workers), "devices_per_hour": c.DevicesPerHour, "tenant_devices_per_hour": c.TenantDevicesPerHour,
		"requests_per_minute": c.RequestsPerMinute, "tokens_per_minute": c.TokensPerMinute,
	} {
		if n < 1 {
			return fmt.Errorf("%s must be at least 1", name)
		}
	}
	return nil
}

func (c Config) scheme() string {
	if c.TLSCert != "" {
		return "https"
	}
	return "http"
}

// checkPublicURL refuses plain http for names other hosts can reach: tokens and
// hashes would travel in the clear.
func (c Config) checkPublicURL() error {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("public_url: %q is not an absolute http(s) URL without query", c.PublicURL)
	}
	if strings.HasSuffix(c.PublicURL, "/") {
		return errors.New("public_url: write it without a slash at the end; clients compare it byte by byte")
	}
	if u.Scheme == "http" && !c.Dev && !isLoopback(u.Hostname()) {
		return fmt.Errorf("public_url: %s is plain http for a name other machines reach; use https (a proxy, or tls_cert and tls_key), or set dev", c.PublicURL)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func orLoopback(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

// coreBeside is the core's database when none is named: core.db beside
// gateway.db, or the same PostgreSQL server, where the core uses its own schema.
func coreBeside(gateway string) string {
	path, ok := strings.CutPrefix(gateway, "sqlite:")
	if !ok {
		return gateway
	}
	return "sqlite:" + filepath.Join(filepath.Dir(path), "core.db")
}

// socketPath is where operators' commands reach the running server.
func (c Config) socketPath() string { return filepath.Join(c.DataDir, "admin.sock") }

// prepareDataDir makes the data directory, readable by its owner alone.
func (c Config) prepareDataDir() error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}
