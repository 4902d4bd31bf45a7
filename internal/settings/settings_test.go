package settings_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"countersign/internal/settings"
)

type config struct {
	Address string `koanf:"address"`
	Size    int    `koanf:"size"`
	Secret  string `koanf:"secret"` // without a flag
}

func load(t *testing.T, file string, args, environ []string) (config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.String("config", "", "")
	flags.String("address", "", "")
	flags.Int("size", 1, "")
	flags.Bool("own", false, "a command's own")
	if file != "" {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	c := config{Address: "default", Size: 1}
	return c, settings.Load(&c, settings.Source{Flags: flags, Environ: environ, Prefix: "X_"})
}

func TestEachSourceBeatsTheOneBefore(t *testing.T) {
	t.Parallel()
	const file = "address: file\nsize: 2\nsecret: s\n"
	for _, c := range []struct {
		name, file    string
		args, environ []string
		want          config
	}{
		{"nothing", "", nil, nil, config{"default", 1, ""}},
		{"file", file, nil, nil, config{"file", 2, "s"}},
		{"variable", file, nil, []string{"X_ADDRESS=env", "Y_SIZE=9"}, config{"env", 2, "s"}},
		{"flag", file, []string{"--address", "flag", "--own"}, []string{"X_ADDRESS=env", "X_SECRET=e"}, config{"flag", 2, "e"}},
	} {
		got, err := load(t, c.file, c.args, c.environ)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
}

func TestUnknownNamesAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file    string
		environ []string
		want    string
	}{
		{"addres: x\n", nil, "addres"},
		{"", []string{"X_ADDRES=x"}, "X_ADDRES"},
		{"size: many\n", nil, "size"},
		{": :\n", nil, "settings file"},
	} {
		if _, err := load(t, c.file, nil, c.environ); err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(c.want)) {
			t.Errorf("%q %v: %v, want %q", c.file, c.environ, err, c.want)
		}
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	for _, l := range []settings.Log{{Format: "xml", Level: "info"}, {Format: "text", Level: "loud"}, {}} {
		if l.Check() == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
	var out bytes.Buffer
	log, err := settings.Log{Format: "json", Level: "warn"}.Open(&out)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.HasPrefix(got, `{"time"`) {
		t.Errorf("logged %s", got)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for host, loopback := range map[string]bool{"127.0.0.1": true, "127.1.2.3": true, "::1": true, "localhost": true, "": false, "0.0.0.0": false, "10.0.0.1": false, "localhost.example": false} {
		if settings.IsLoopback(host) != loopback {
			t.Errorf("%q: loopback is not %v", host, loopback)
		}
	}
	for host, want := range map[string]string{"": "127.0.0.1", "::": "127.0.0.1", "0.0.0.0": "127.0.0.1", "10.0.0.1": "10.0.0.1", "gw": "gw"} {
		if got := settings.OrLoopback(host); got != want {
			t.Errorf("%q is asked at %q, want %q", host, got, want)
		}
	}
	for _, address := range []string{"", "x", "127.0.0.1:"} {
		if _, _, err := settings.SplitAddress("listen", address); err == nil || !strings.HasPrefix(err.Error(), "listen: ") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
