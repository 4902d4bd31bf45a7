package main

import (
	"bufio"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/structs"
	"github.com/knadh/koanf/v2"

	"countersign/internal/release"
)

const deployDir = "../../docs/deploy"

func deployFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A name that the server does not know would stop it from starting.
func TestDeploy_namesOnlySettingsThereAre(t *testing.T) {
	t.Parallel()
	k := koanf.New(".")
	if err := k.Load(structs.Provider(defaults(), "koanf"), nil); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(deployDir, "*"))
	if err != nil || len(files) < 5 {
		t.Fatalf("files %v, error %v", files, err)
	}
	found := 0
	for _, file := range append(files, "../../docs/operations.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, variable := range regexp.MustCompile(`COUNTERSIGN_[A-Z_]+`).FindAllString(string(text), -1) {
			found++
			if name := settingName(variable); !slices.Contains(k.Keys(), name) {
				t.Errorf("%s names %s, which is no setting", file, variable)
			}
		}
		for _, m := range regexp.MustCompile(`(?m)^(?:#\s*)?(\w+_url): `).FindAllStringSubmatch(string(text), -1) {
			found++
			if !slices.Contains(k.Keys(), m[1]) {
				t.Errorf("%s names %s, which is no setting", file, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d names found", found)
	}
}

// runs checks that there is a command of countersignd with these flags.
func runs(t *testing.T, where string, args []string) {
	t.Helper()
	cmd, rest, err := rootCommand(environment{}).Find(args)
	if err != nil || cmd.Name() != args[0] {
		t.Errorf("%s runs %q, which is no command: %v", where, args, err)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Errorf("%s runs %q: %v", where, args, err)
	}
}

// unitOf reads a unit file: section, name and values.
func unitOf(t *testing.T, text string) map[string][]string {
	t.Helper()
	values, section := map[string][]string{}, ""
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		name, value, isSetting := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && strings.HasSuffix(line, "]"):
			section = strings.Trim(line, "[]")
			if !slices.Contains([]string{"Unit", "Service", "Install"}, section) {
				t.Errorf("section %q", section)
			}
		case isSetting && section != "" && regexp.MustCompile(`^[A-Z][A-Za-z]+$`).MatchString(name):
			values[section+"."+name] = append(values[section+"."+name], value)
		default:
			t.Errorf("this is no line of a unit: %q", line)
		}
	}
	return values
}

func TestDeploy_unit(t *testing.T) {
	t.Parallel()
	unit := unitOf(t, deployFile(t, "countersignd.service"))
	start := strings.Fields(strings.Join(unit["Service.ExecStart"], " "))
	if len(start) < 2 || path.Base(start[0]) != "countersignd" {
		t.Fatalf("ExecStart %q", start)
	}
	runs(t, "the unit", start[1:])
	stop, err := time.ParseDuration(strings.Join(unit["Service.TimeoutStopSec"], ""))
	if err != nil || stop <= drainTime {
		t.Errorf("the unit stops after %s, the server drains for %s: %v", stop, drainTime, err)
	}
	for name, want := range map[string]string{
		"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"MemoryDenyWriteExecute": "yes", "CapabilityBoundingSet": "", "Restart": "always", "UMask": "0077",
	} {
		if got := unit["Service."+name]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s=%q, want %q", name, got, want)
		}
	}
	state := strings.Join(unit["Service.StateDirectory"], "")
	if !slices.Contains(unit["Service.Environment"], "COUNTERSIGN_DATA_DIR=%S/"+state) {
		t.Errorf("the data directory is not the state directory %s: %q", state, unit["Service.Environment"])
	}
	secrets, _, _ := strings.Cut(strings.Join(unit["Service.LoadCredential"], ""), ":")
	if !strings.HasSuffix(start[len(start)-1], "/"+secrets) {
		t.Errorf("ExecStart does not read the credential %s", secrets)
	}
}

// A file of secrets for one process without PostgreSQL is empty.
func TestDeploy_anEmptyFileOfSecretsIsFine(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secrets.yaml")
	for _, text := range []string{"", "# nothing\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, []string{"--config", file}, nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestDeploy_containerfile(t *testing.T) {
	t.Parallel()
	text := deployFile(t, "Containerfile")
	args := release.BuildArgs("${VERSION}", "/out/", "./cmd/countersign", "./cmd/countersignd", "./cmd/registrard")
	for i, arg := range args {
		if strings.Contains(arg, " ") {
			args[i] = `"` + arg + `"`
		}
	}
	if build := "RUN go " + strings.Join(args, " ") + "\n"; !strings.Contains(text, build) {
		t.Errorf("the image is not built as a release is: %s", build)
	}
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	minor := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module)
	if !strings.Contains(text, "golang:"+string(minor[1])+"-") {
		t.Errorf("the image is not built with Go %s", minor[1])
	}
	for _, want := range []string{"\nFROM scratch\n", "\nUSER 65532:65532\n", "CGO_ENABLED=0"} {
		if !strings.Contains(text, want) {
			t.Errorf("the Containerfile lacks %q", want)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)CMD (\[.*\])$`).FindAllStringSubmatch(text, -1) {
		words := regexp.MustCompile(`[^\[\]", ]+`).FindAllString(m[1], -1)
		if strings.HasSuffix(words[0], "/countersignd") {
			words = words[1:]
		}
		runs(t, "the Containerfile", words)
	}
}

func TestDeploy_compose(t *testing.T) {
	t.Parallel()
	all, err := yaml.Parser().Unmarshal([]byte(deployFile(t, "compose.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	services := all["services"].(map[string]any)
	hostPorts, used := map[string]string{}, map[string]bool{}
	for name, s := range services {
		service := s.(map[string]any)
		if image, _ := service["image"].(string); !strings.Contains(image, ":") || strings.HasSuffix(image, ":latest") {
			t.Errorf("%s: image %q has no version", name, image)
		}
		if service["healthcheck"] == nil || service["restart"] == nil {
			t.Errorf("%s: no health check or no restart", name)
		}
		needs, _ := service["depends_on"].(map[string]any)
		for other := range needs {
			if services[other] == nil {
				t.Errorf("%s depends on %s, which is no service", name, other)
			}
		}
		for _, port := range list(service["ports"]) {
			host := port[:strings.LastIndex(port, ":")]
			if hostPorts[host] != "" || !strings.HasPrefix(host, "127.0.0.1:") || !strings.HasSuffix(port, ":8080") {
				t.Errorf("%s: port %s is also that of %q, or reaches too far, or is not the server's", name, port, hostPorts[host])
			}
			hostPorts[host] = name
		}
		for _, volume := range list(service["volumes"]) {
			source, _, _ := strings.Cut(volume, ":")
			used["volumes."+source] = true
		}
		for _, secret := range list(service["secrets"]) {
			used["secrets."+secret] = true
		}
	}
	for _, kind := range []string{"volumes", "secrets"} {
		for name := range all[kind].(map[string]any) {
			if !used[kind+"."+name] {
				t.Errorf("%s: nothing uses %s", kind, name)
			}
			delete(used, kind+"."+name)
		}
	}
	if len(used) > 0 {
		t.Errorf("used and not declared: %v", used)
	}
	for _, replica := range []string{"gateway", "gateway-2"} {
		service, _ := services[replica].(map[string]any)
		runs(t, replica, list(service["command"]))
		if grace, err := time.ParseDuration(service["stop_grace_period"].(string)); err != nil || grace <= drainTime {
			t.Errorf("%s stops after %s, the server drains for %s: %v", replica, grace, drainTime, err)
		}
		if !slices.Contains(list(service["volumes"]), "keys:/var/lib/countersign/keys") {
			t.Errorf("%s does not share the keys", replica)
		}
	}
	if !strings.Contains(deployFile(t, "Containerfile"), "COUNTERSIGN_LISTEN=0.0.0.0:8080") {
		t.Error("the image does not listen on the port that is published")
	}
}

// The addresses in the example lead to the services of the compose file.
func TestDeploy_exampleAddresses(t *testing.T) {
	t.Parallel()
	all, err := yaml.Parser().Unmarshal([]byte(deployFile(t, "compose.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	services := all["services"].(map[string]any)
	found := regexp.MustCompile(`(?m)^#\s+(?:database|redis)_url: (\S+)$`).FindAllStringSubmatch(deployFile(t, "countersign.env"), -1)
	if len(found) != 2 {
		t.Fatalf("the example has the addresses %q", found)
	}
	for _, m := range found {
		if address, err := url.Parse(m[1]); err != nil || services[address.Hostname()] == nil {
			t.Errorf("%s leads to no service: %v", m[1], err)
		}
	}
	var environ []string
	for line := range strings.Lines(deployFile(t, "countersign.env")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			environ = append(environ, line)
		}
	}
	if _, err := load(t, nil, environ); err != nil {
		t.Errorf("the server does not start with the example: %v", err)
	}
}

// list is a list of texts in YAML.
func list(v any) (out []string) {
	items, _ := v.([]any)
	for _, item := range items {
		text, _ := item.(string)
		out = append(out, text)
	}
	return out
}
