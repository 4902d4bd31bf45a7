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

	"github.com/spf13/pflag"

	"countersign/gateway/ratelimit"
	"countersign/internal/settings"
)

const envPrefix = "COUNTERSIGN_"

// Config is everything an operator can set. A setting is a flag (--data-dir), an
// environment variable (COUNTERSIGN_DATA_DIR) or a key of the YAML file
// (data_dir), the former winning over the latter; unknown names are refused.
// RedisURL has no flag: it may hold a password, and command lines are seen by
// everybody on the machine.
type Config struct {
	Listen           string `koanf:"listen"`             // address of the API
	PublicURL        string `koanf:"public_url"`         // issuer of tokens and base of links; default http(s):// and the listen address
	PortalURL        string `koanf:"portal_url"`         // the pages for customers, on a host of their own; default: none, in development the public URL
	DataDir          string `koanf:"data_dir"`           // keys, SQLite files, operators' socket
	DatabaseURL      string `koanf:"database_url"`       // sqlite:PATH or postgres://…; default SQLite in the data directory
	CoreDatabaseURL  string `koanf:"core_database_url"`  // the core's own; default: a second file, or the schema "core" of the same server
	CoreURL          string `koanf:"core_url"`           // a core elsewhere: https://host:port; default: the one in this process
	CoreTLSCert      string `koanf:"core_tls_cert"`      // PEM file: who we are to a core elsewhere
	CoreTLSKey       string `koanf:"core_tls_key"`       // PEM file
	CoreTLSCA        string `koanf:"core_tls_ca"`        // PEM file: who may vouch for the core; default: the system's roots
	RedisURL         string `koanf:"redis_url"`          // redis://, rediss:// or unix://: budgets shared by replicas; default: counted in this process
	SMTPURL          string `koanf:"smtp_url"`           // smtp://user@host:587 or smtps://…: where mail is handed over; default: no mail
	SMTPPasswordFile string `koanf:"smtp_password_file"` // file with the password of that user
	SMTPFrom         string `koanf:"smtp_from"`          // address of the sender
	TLSCert          string `koanf:"tls_cert"`           // PEM file; with TLSKey the server speaks TLS itself
	TLSKey           string `koanf:"tls_key"`            // PEM file
	MTLSListen       string `koanf:"mtls_listen"`        // a second address, where clients show certificates; needs tls_cert
	MTLSURL          string `koanf:"mtls_url"`           // how clients know that address; default https:// and mtls_listen
	ClientCA         string `koanf:"client_ca"`          // PEM file: who may vouch for clients' certificates; default: nobody
	Dev              bool   `koanf:"dev"`                // development: less durable writes, plain http for any host
	LogFormat        string `koanf:"log_format"`         // text or json
	LogLevel         string `koanf:"log_level"`          // debug, info, warn or error
	TrustedProxies   string `koanf:"trusted_proxies"`    // addresses of your own proxies, which are believed about where calls come from: 10.1.2.0/24,…
	Workers          int    `koanf:"workers"`            // dispatches forwarded at once by this process
	PartnerInFlight  int    `koanf:"partner_in_flight"`  // dispatches of one partner forwarded at once, over all replicas
	PartnerWaiting   int64  `koanf:"partner_waiting"`    // devices of one partner that may wait before its next upload is refused
	MinutesBehind    int64  `koanf:"minutes_behind"`     // how long work may wait for a worker before all uploads are refused

	// How customers sign in and prove themselves.
	EgressAllow            string `koanf:"egress_allow"`              // addresses of your own network that customers' providers may have: 10.1.2.0/24,…
	DNSServer              string `koanf:"dns_server"`                // host:port that domains are proven at; default: the system's
	SharedIssuer           string `koanf:"shared_issuer"`             // whose ID tokens prove a customer's GUID, with {tid} in its place
	SharedClientID         string `koanf:"shared_client_id"`          // your registration there: customers with such a GUID sign in without settings of their own
	SharedClientSecretFile string `koanf:"shared_client_secret_file"` // file with its secret
	SharedRoleClaim        string `koanf:"shared_role_claim"`         // claim with the roles there
	SharedAdminValues      string `koanf:"shared_admin_values"`       // values of an administrator, with commas between
	SharedApproverValues   string `koanf:"shared_approver_values"`    // values of an approver
	SharedACRValues        string `koanf:"shared_acr_values"`         // values of acr that mean more than one factor; with acrs: in front, of acrs
	SharedAMRValues        string `koanf:"shared_amr_values"`         // values of amr that mean it

	// Budgets of partners without one of their own.
	DevicesPerHour       int64 `koanf:"devices_per_hour"`        // devices, over all tenants
	TenantDevicesPerHour int64 `koanf:"tenant_devices_per_hour"` // devices for one tenant
	RequestsPerMinute    int64 `koanf:"requests_per_minute"`     // requests of one OAuth client
	TokensPerMinute      int64 `koanf:"tokens_per_minute"`       // token requests of one source address

	// Limits against guessing.
	FailedSecretsPerHour int64 `koanf:"failed_secrets_per_hour"` // wrong secrets for one client from one source address
	MissesPerHour        int64 `koanf:"misses_per_hour"`         // devices that a partner names in vain; a tenth each: claims on records that do not name it

	// What a partner may ask of customers.
	ConsentsOpen   int64 `koanf:"consents_open"`    // requests to one id or domain that wait for an answer
	ConsentsPerDay int64 `koanf:"consents_per_day"` // requests in any 24 hours
}

func defaults() Config {
	return Config{
		Listen: "127.0.0.1:8080", DataDir: "./countersign-data",
		LogFormat: "text", LogLevel: "info", Workers: 2, PartnerInFlight: 8, PartnerWaiting: 2_500_000, MinutesBehind: 10,
		SharedIssuer:    "https://login.microsoftonline.com/{tid}/v2.0",
		SharedRoleClaim: "roles", SharedAdminValues: "Countersign.Admin", SharedApproverValues: "Countersign.Approver", SharedAMRValues: "mfa",
		DevicesPerHour: 2_000_000, TenantDevicesPerHour: 1_000_000,
		RequestsPerMinute: 6_000, TokensPerMinute: 120,
		FailedSecretsPerHour: 120, MissesPerHour: 5_000,
		ConsentsOpen: 5, ConsentsPerDay: 100,
	}
}

// bindFlags names every setting as a flag. Defaults come from the struct, so
// that a flag counts only when it was given.
func bindFlags(flags *pflag.FlagSet) {
	d := defaults()
	flags.String("config", "", "YAML file with settings")
	flags.String("listen", d.Listen, "address of the API")
	flags.String("public-url", "", "issuer of tokens and base of links (default http(s):// and the listen address)")
	flags.String("portal-url", "", "the pages for customers, on a host of their own (default none; in development the public URL)")
	flags.String("data-dir", d.DataDir, "keys, SQLite files and the operators' socket")
	flags.String("database-url", "", "sqlite:PATH or postgres://… (default SQLite in the data directory)")
	flags.String("core-database-url", "", "the core's own database (default: beside the gateway's)")
	flags.String("core-url", "", "a core elsewhere: https://host:port (default: the one in this process)")
	flags.String("core-tls-cert", "", "certificate that names this gateway to a core elsewhere (PEM file)")
	flags.String("core-tls-key", "", "private key of that certificate (PEM file)")
	flags.String("core-tls-ca", "", "authority that vouches for a core elsewhere (PEM file; default the system's)")
	flags.String("smtp-url", "", "where mail is handed over: smtp://user@host:587 or smtps://user@host:465 (default: no mail is sent)")
	flags.String("smtp-password-file", "", "file with the password for it")
	flags.String("smtp-from", "", "address of the sender")
	flags.String("tls-cert", "", "certificate chain (PEM file)")
	flags.String("tls-key", "", "private key of the certificate (PEM file)")
	flags.String("mtls-listen", "", "second address, where clients show certificates (needs tls-cert)")
	flags.String("mtls-url", "", "how clients know that address (default https:// and mtls-listen)")
	flags.String("client-ca", "", "authorities that vouch for clients' certificates (PEM file; default nobody)")
	flags.Bool("dev", false, "development: less durable writes, plain http for any host")
	flags.String("log-format", d.LogFormat, "text or json")
	flags.String("log-level", d.LogLevel, "debug, info, warn or error")
	flags.String("trusted-proxies", "", "addresses of your own proxies, which are believed about where calls come from: 10.1.2.0/24,…")
	flags.Int("workers", d.Workers, "dispatches forwarded at once by this process")
	flags.Int("partner-in-flight", d.PartnerInFlight, "dispatches of one partner forwarded at once, over all replicas")
	flags.Int64("partner-waiting", d.PartnerWaiting, "devices of one partner that may wait before its next upload is refused")
	flags.Int64("minutes-behind", d.MinutesBehind, "minutes that work may wait for a worker before all uploads are refused")
	flags.String("egress-allow", "", "addresses of your own network that customers' providers may have: 10.1.2.0/24,…")
	flags.String("dns-server", "", "host:port that domains are proven at (default the system's)")
	flags.String("shared-issuer", d.SharedIssuer, "whose ID tokens prove a customer's GUID, with {tid} in its place; empty for none")
	flags.String("shared-client-id", "", "your registration at the shared issuer; customers with such a GUID then sign in without settings of their own")
	flags.String("shared-client-secret-file", "", "file with the secret of that registration")
	flags.String("shared-role-claim", d.SharedRoleClaim, "claim with the roles at the shared issuer")
	flags.String("shared-admin-values", d.SharedAdminValues, "values of an administrator there, with commas between")
	flags.String("shared-approver-values", d.SharedApproverValues, "values of an approver there")
	flags.String("shared-acr-values", "", "values of acr there that mean more than one factor; with acrs: in front, of acrs")
	flags.String("shared-amr-values", d.SharedAMRValues, "values of amr there that mean more than one factor")
	flags.Int64("devices-per-hour", d.DevicesPerHour, "device budget of a partner")
	flags.Int64("tenant-devices-per-hour", d.TenantDevicesPerHour, "device budget of a partner for one tenant")
	flags.Int64("requests-per-minute", d.RequestsPerMinute, "request budget of an OAuth client")
	flags.Int64("tokens-per-minute", d.TokensPerMinute, "token requests of one source address")
	flags.Int64("failed-secrets-per-hour", d.FailedSecretsPerHour, "wrong secrets for one client from one source address")
	flags.Int64("misses-per-hour", d.MissesPerHour, "devices that a partner may name in vain, by product key id or by manufacturer, model and serial number")
	flags.Int64("consents-open", d.ConsentsOpen, "consent requests of a partner to one customer that wait for an answer")
	flags.Int64("consents-per-day", d.ConsentsPerDay, "consent requests of a partner in 24 hours")
}

// loadConfig reads defaults, file, environment and flags, each over the former.
func loadConfig(flags *pflag.FlagSet, environ []string) (Config, error) {
	c := defaults()
	if err := settings.Load(&c, settings.Source{Flags: flags, Environ: environ, Prefix: envPrefix, Name: settingName}); err != nil {
		return Config{}, err
	}
	return c.complete()
}

// clientSettings are variables of the command-line client, which may be set in the
// same shell.
var clientSettings = []string{"url", "profile", "client_id", "client_secret", "client_secret_file", "client_key_file", "ca_file"}

func settingName(variable string) string {
	name := settings.SettingName(envPrefix, variable)
	if strings.HasPrefix(name, "test_") || slices.Contains(clientSettings, name) {
		return "" // of the test harness or of the client, not of the server
	}
	return name
}

// complete fills what follows from other settings and checks the rest, before
// anything is opened.
func (c Config) complete() (Config, error) {
	host, port, err := settings.SplitAddress("listen", c.Listen)
	if err != nil {
		return c, err
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return c, errors.New("tls_cert and tls_key go together")
	}
	if c.PublicURL == "" {
		c.PublicURL = c.scheme() + "://" + net.JoinHostPort(settings.OrLoopback(host), port)
	}
	if err := c.checkPublicURL(); err != nil {
		return c, err
	}
	if c.PortalURL == "" && c.Dev {
		c.PortalURL = c.PublicURL
	}
	if err := c.checkSignIn(); err != nil {
		return c, err
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite:" + filepath.Join(c.DataDir, "gateway.db")
	}
	if err := c.checkCore(); err != nil {
		return c, err
	}
	if c.CoreDatabaseURL == "" && c.CoreURL == "" {
		c.CoreDatabaseURL = coreBeside(c.DatabaseURL)
	}
	if err := c.checkNeighbours(); err != nil {
		return c, err
	}
	if err := c.completeMutual(); err != nil {
		return c, err
	}
	if err := c.checkMail(); err != nil {
		return c, err
	}
	if err := c.checkNumbers(); err != nil {
		return c, err
	}
	return c, settings.Log{Format: c.LogFormat, Level: c.LogLevel}.Check()
}

// checkNeighbours judges the addresses of what stands around the gateway: the
// proxies before it, the Redis beside it.
func (c Config) checkNeighbours() error {
	if _, err := c.proxyPrefixes(); err != nil {
		return err
	}
	if c.RedisURL == "" {
		return nil
	}
	if err := ratelimit.CheckRedisURL(c.RedisURL); err != nil {
		return fmt.Errorf("redis_url %w", err)
	}
	return nil
}

// checkNumbers refuses budgets and workers of nothing.
func (c Config) checkNumbers() error {
	for name, n := range map[string]int64{
		"workers": int64(c.Workers), "partner_in_flight": int64(c.PartnerInFlight),
		"partner_waiting": c.PartnerWaiting, "minutes_behind": c.MinutesBehind, "devices_per_hour": c.DevicesPerHour, "tenant_devices_per_hour": c.TenantDevicesPerHour,
		"requests_per_minute": c.RequestsPerMinute, "tokens_per_minute": c.TokensPerMinute,
		"failed_secrets_per_hour": c.FailedSecretsPerHour, "misses_per_hour": c.MissesPerHour,
		"consents_open": c.ConsentsOpen, "consents_per_day": c.ConsentsPerDay,
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
func (c Config) checkPublicURL() error { return c.checkAddress("public_url", c.PublicURL) }

// checkAddress judges an address of ours that others are sent to.
func (c Config) checkAddress(setting, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("%s: %q is not an absolute http(s) URL without query", setting, address)
	}
	if strings.HasSuffix(address, "/") {
		return fmt.Errorf("%s: write it without a slash at the end; it is compared byte by byte", setting)
	}
	if u.Scheme == "http" && !c.Dev && !settings.IsLoopback(u.Hostname()) {
		return fmt.Errorf("%s: %s is plain http for a name other machines reach; use https (a proxy, or tls_cert and tls_key), or set dev", setting, address)
	}
	return nil
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
