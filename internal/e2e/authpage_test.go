package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"countersign/authz"
	"countersign/internal/db"
)

var fenced = regexp.MustCompile("(?s)```(sh|go|js)\n(.*?)```")

// The examples of docs/authentication.md are run as they stand there, against a server with
// TLS: each gets a token and is let in with it.
func TestAuthenticationPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/authentication.md")
	noError(t, err)
	s := newSite(t, db.SQLite)
	r := s.startSecure()
	p := newPeople(t, s)
	dir := t.TempDir()
	create := func(args ...string) (made credential) {
		t.Helper()
		s.admin(&made, append([]string{"client", "create", "--partner", p.partner, "--name", fmt.Sprint("client ", len(args), args)}, args...)...)
		return made
	}
	text, err := authz.NewClientKey()
	noError(t, err)
	strict := s.keyed(t, dir, text, create, "--profile", "strict")
	keyFile := filepath.Join(dir, "line3.pem")
	noError(t, os.WriteFile(keyFile, text, 0o600))
	cert, certKey := r.plant.Issue("line3.plant.example")
	secret, legacy, line := create(), create("--legacy-for", "1h"), create("--tls-subject", "dns:line3.plant.example")
	env := append(os.Environ(),
		"COUNTERSIGN_URL="+r.plain, "MTLS_URL="+r.mutual, "CURL_CA_BUNDLE="+r.servers.File, "SSL_CERT_FILE="+r.servers.File, "NODE_EXTRA_CA_CERTS="+r.servers.File,
		"LEGACY_CLIENT_ID="+legacy.ID, "LEGACY_CLIENT_SECRET="+legacy.Secret,
		"CERT_CLIENT_ID="+line.ID, "CERT_FILE="+cert, "CERT_KEY_FILE="+certKey, "KEY_FILE="+keyFile, "KEY_ID="+strict["kid"], "CLIENT_SECRET="+secret.Secret)
	ran := map[string]int{}
	for i, block := range fenced.FindAllStringSubmatch(string(page), -1) {
		language, code := block[1], block[2]
		ran[language]++
		t.Run(fmt.Sprint(i, " ", language), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "bash", "-eu", "-o", "pipefail", "-c", code)
			id := secret.ID
			switch language {
			case "go":
				file := filepath.Join(t.TempDir(), "main.go")
				noError(t, os.WriteFile(file, []byte(code), 0o600))
				cmd = exec.CommandContext(t.Context(), "go", "run", file)
			case "js":
				cmd = exec.CommandContext(t.Context(), "node", "--input-type=module", "-")
				cmd.Dir, cmd.Stdin, id = "../../tools/clients", strings.NewReader(code), strict["id"]
			}
			cmd.Env = append(env, "CLIENT_ID="+id)
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "200") {
				t.Errorf("%v\n%s\n%s", err, out, said.String())
			}
		})
	}
	if ran["sh"] < 2 || ran["go"] < 1 || ran["js"] < 2 {
		t.Errorf("examples run: %v", ran)
	}
}
