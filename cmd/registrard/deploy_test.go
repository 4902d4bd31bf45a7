package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/settings"
)

const unitFile = "../../docs/deploy/registrard.service"

// A name that the core does not know would stop it from starting.
func TestDeploy_namesOnlySettingsThereAre(t *testing.T) {
	t.Parallel()
	known := []string{"listen", "ops_listen", "data_dir", "database_url", "tls_cert", "tls_key", "client_ca", "dev", "log_format", "log_level"}
	named := map[string]bool{}
	for _, file := range []string{unitFile, "../../docs/operations.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, variable := range regexp.MustCompile(`REGISTRARD_[A-Z_]+`).FindAllString(string(text), -1) {
			name := settings.SettingName(envPrefix, variable)
			if named[name] = true; !slices.Contains(known, name) {
				t.Errorf("%s names %s, which is no setting", file, variable)
			}
			if _, err := load(t, nil, []string{variable + "="}); err != nil && strings.Contains(err.Error(), "no setting") {
				t.Errorf("%s names %s: %v", file, variable, err)
			}
		}
	}
	for _, name := range known {
		if !named[name] {
			t.Errorf("no page says that there is %s%s", envPrefix, strings.ToUpper(name))
		}
	}
}

func TestDeploy_unit(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + `=(.*)$`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("the unit has no %s", name)
		}
		return string(m[1])
	}
	start := strings.Fields(value("ExecStart"))
	cmd, rest, err := rootCommand(environment{}).Find(start[1:])
	if err != nil || cmd.Name() != "serve" || cmd.ParseFlags(rest) != nil {
		t.Errorf("ExecStart %q runs %s, %v", start, cmd.Name(), err)
	}
	if stop, err := time.ParseDuration(value("TimeoutStopSec")); err != nil || stop <= drainTime {
		t.Errorf("the unit stops after %s, the core drains for %s: %v", stop, drainTime, err)
	}
	if dir := value("StateDirectory"); !strings.Contains(string(text), "REGISTRARD_DATA_DIR=%S/"+dir+"\n") {
		t.Errorf("the data directory is not the state directory %s", dir)
	}
}
