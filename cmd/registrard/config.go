package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"countersign/internal/settings"
)

const envPrefix = "REGISTRARD_"

// gatewaysName is how the gateway calls the core's database; the core takes it too, so
// that moving it out of the gateway's process needs no other name for it.
const gatewaysName = "COUNTERSIGN_CORE_DATABASE_URL"

// Config is everything an operator can set. A setting is a flag (--data-dir), an
// environment variable (REGISTRARD_DATA_DIR) or a key of the YAML file (data_dir), the
// former winning over the latter; unknown names are refused.
type Config struct {
	Listen      string `koanf:"listen"`       // address for gateways
	OpsListen   string `koanf:"ops_listen"`   // address of /healthz, /readyz and /metrics, plain http; empty: none
	DataDir     string `koanf:"data_dir"`     // the SQLite file
	DatabaseURL string `koanf:"database_url"` // sqlite:PATH or postgres://…; default SQLite in the data directory
	TLSCert     string `koanf:"tls_cert"`     // PEM file: who we are
	TLSKey      string `koanf:"tls_key"`      // PEM file
	ClientCA    string `koanf:"client_ca"`    // PEM file: who vouches for gateways, and for nobody else
	Dev         bool   `koanf:"dev"`          // development: less durable writes
	LogFormat   string `koanf:"log_format"`   // text or json
	LogLevel    string `koanf:"log_level"`    // debug, info, warn or error
}

func defaults() Config {
	return Config{
		Listen: "127.0.0.1:9443", OpsListen: "127.0.0.1:9444", DataDir: "./registrard-data",
		LogFormat: "text", LogLevel: "info",
	}
}

// bindFlags names every setting as a flag. Defaults come from the struct, so that a flag
// counts only when it was given.
func bindFlags(flags *pflag.FlagSet) {
	d := defaults()
	flags.String("config", "", "YAML file with settings")
	flags.String("listen", d.Listen, "address for gateways")
	flags.String("ops-listen", d.OpsListen, "address of /healthz, /readyz and /metrics, plain http; empty for none")
	flags.String("data-dir", d.DataDir, "the SQLite file")
	flags.String("database-url", "", "sqlite:PATH or postgres://… (default SQLite in the data directory)")
	flags.String("tls-cert", "", "certificate chain (PEM file)")
	flags.String("tls-key", "", "private key of the certificate (PEM file)")
	flags.String("client-ca", "", "authority that vouches for gateways (PEM file)")
	flags.Bool("dev", false, "development: less durable writes")
	flags.String("log-format", d.LogFormat, "text or json")
	flags.String("log-level", d.LogLevel, "debug, info, warn or error")
}

// loadConfig reads defaults, file, environment and flags, each over the former.
func loadConfig(flags *pflag.FlagSet, environ []string) (Config, error) {
	c := defaults()
	for _, variable := range environ { // the weakest but the default
		if value, ok := strings.CutPrefix(variable, gatewaysName+"="); ok {
			c.DatabaseURL = value
		}
	}
	if err := settings.Load(&c, settings.Source{Flags: flags, Environ: environ, Prefix: envPrefix}); err != nil {
		return Config{}, err
	}
	return c.complete()
}

// complete fills what follows from other settings and checks the rest, before anything
// is opened.
func (c Config) complete() (Config, error) {
	host, _, err := settings.SplitAddress("listen", c.Listen)
	if err != nil {
		return c, err
	}
	if c.OpsListen != "" {
		if _, _, err := settings.SplitAddress("ops_listen", c.OpsListen); err != nil {
			return c, err
		}
	}
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return c, errors.New("tls_cert and tls_key go together")
	case c.ClientCA != "" && c.TLSCert == "":
		return c, errors.New("client_ca needs tls_cert and tls_key")
	case !settings.IsLoopback(host) && c.ClientCA == "":
		return c, fmt.Errorf("listen: %s is reached by other machines, and whoever reaches the core may register any device to anybody; "+
			"set tls_cert, tls_key and client_ca", c.Listen)
	}
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite:" + filepath.Join(c.DataDir, "core.db")
	}
	return c, settings.Log{Format: c.LogFormat, Level: c.LogLevel}.Check()
}

// schema keeps the core's tables apart on a PostgreSQL database that a gateway shares.
func (c Config) schema() string {
	if strings.HasPrefix(c.DatabaseURL, "sqlite:") {
		return ""
	}
	return "core"
}

// prepareDataDir makes the data directory, readable by its owner alone.
func (c Config) prepareDataDir() error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	return nil
}
