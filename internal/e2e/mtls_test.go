package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/internal/db"
	"countersign/internal/tlstest"
)

// secure is a server that speaks TLS itself, and asks for certificates at a second address.
type secure struct {
	*replica
	plain, mutual  string // addresses of the API
	servers, plant *tlstest.Authority
	cert, key      string // files of the server
}

func (s *site) startSecure() *secure {
	s.t.Helper()
	out := &secure{servers: tlstest.NewAuthority(s.t, "servers"), plant: tlstest.NewAuthority(s.t, "plant")}
	out.cert, out.key = out.servers.Issue("gateway")
	plain, mutual := freeAddress(s.t), freeAddress(s.t)
	out.plain, out.mutual = "https://"+onLocalhost(plain), "https://"+onLocalhost(mutual)
	r := &replica{t: s.t, url: out.plain, log: &lockedBuffer{}, done: make(chan error, 1), http: out.showing(s.t, "", "")}
	r.cmd = exec.Command(filepath.Join(bin, "countersignd"), "serve")
	r.cmd.Env = s.environ("COUNTERSIGN_LISTEN="+plain, "COUNTERSIGN_PUBLIC_URL="+out.plain, "COUNTERSIGN_TLS_CERT="+out.cert, "COUNTERSIGN_TLS_KEY="+out.key,
		"COUNTERSIGN_MTLS_LISTEN="+mutual, "COUNTERSIGN_MTLS_URL="+out.mutual, "COUNTERSIGN_CLIENT_CA="+out.plant.File)
	r.run(out.plain)
	out.replica = r
	return out
}

// onLocalhost names an address as clients do that insist on a name.
func onLocalhost(address string) string {
	return strings.Replace(address, "127.0.0.1", "localhost", 1)
}

// showing is an HTTP client that trusts the server and shows a certificate, if any.
func (s *secure) showing(t *testing.T, cert, key string, change ...func(*tls.Config)) *http.Client {
	t.Helper()
	text, err := os.ReadFile(s.servers.File)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS10}
	cfg.RootCAs.AppendCertsFromPEM(text)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	for _, c := range change {
		c(cfg)
	}
	transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func ask(t *testing.T, cl *http.Client, method, address, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := cl.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text json.RawMessage
	_ = json.NewDecoder(res.Body).Decode(&text)
	return res.StatusCode, string(text), res.Header
}

// A line with a certificate of its plant gets tokens and uses them, at the address for
// certificates alone; nothing that was issued to it works for anybody else (rows D1 to D5).
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.startSecure()
	p := newPeople(t, s)
	var line struct {
		ID string `json:"clientId"`
	}
	s.admin(&line, "client", "create", "--partner", p.partner, "--name", "line 3", "--tls-subject", "dns:line3.plant.example", "--profile", "strict")
	cert, key := r.plant.Issue("line3.plant.example")
	other, otherKey := r.plant.Issue("line4.plant.example")
	mine := r.showing(t, cert, key)
	form := "grant_type=client_credentials&client_id=" + line.ID
	token := func(cl *http.Client, base string) (int, string, string) {
		t.Helper()
		status, text, _ := ask(t, cl, "POST", base+"/oauth2/token", form)
		var out struct {
			AccessToken string `json:"access_token"`
		}
		_ = json.Unmarshal([]byte(text), &out)
		return status, out.AccessToken, text
	}
	status, access, text := token(mine, r.mutual)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	for name, c := range map[string]struct {
		cl   *http.Client
		base string
		want int
	}{
		"its own":            {mine, r.mutual, 200},
		"another's":          {r.showing(t, other, otherKey), r.mutual, 401},
		"none":               {r.showing(t, "", ""), r.mutual, 401},
		"not asked for":      {mine, r.plain, 401},
		"a header instead":   {r.showing(t, "", ""), r.plain, 401},
		"a header, mutually": {r.showing(t, other, otherKey), r.mutual, 401},
	} {
		headers := []string{"Authorization", "Bearer " + access}
		if strings.HasPrefix(name, "a header") {
			der, err := os.ReadFile(cert)
			if err != nil {
				t.Fatal(err)
			}
			body := strings.ReplaceAll(strings.Join(strings.Split(strings.TrimSpace(string(der)), "\n")[1:], ""), "-----END CERTIFICATE-----", "")
			headers = append(headers, "Client-Cert", ":"+body+":", "X-Forwarded-Client-Cert", "Hash=x")
		}
		if status, text, _ := ask(t, c.cl, "GET", c.base+"/v1/uploads", "", headers...); status != c.want {
			t.Errorf("a certificate, %s: %d %s", name, status, text)
		}
	}
	for name, cl := range map[string]*http.Client{"another's": r.showing(t, other, otherKey), "none": r.showing(t, "", "")} {
		if status, _, text := token(cl, r.mutual); status != 401 || !strings.Contains(text, "invalid_client") {
			t.Errorf("a token by a certificate, %s: %d %s", name, status, text)
		}
	}
	old, oldKey := r.plant.IssueUntil("line3.plant.example", time.Now().Add(-time.Hour))
	if status, _, text := token(r.showing(t, old, oldKey), r.mutual); status != 401 || !strings.Contains(text, "CN=line3.plant.example expired on ") {
		t.Errorf("an expired certificate: %d %s", status, text)
	}

	// The usual address asks nobody; neither speaks what is old; sessions are not resumed.
	asked := 0
	curious := r.showing(t, "", "", func(c *tls.Config) {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked++
			return &tls.Certificate{}, nil
		}
	})
	if status, _, _ := ask(t, curious, "GET", r.plain+"/healthz", ""); status != 200 || asked != 0 {
		t.Errorf("the usual address: %d, asked %d times for a certificate", status, asked)
	}
	for _, base := range []string{r.plain, r.mutual} {
		outdated := r.showing(t, cert, key, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })
		res, err := outdated.Get(base + "/healthz")
		if err == nil {
			_ = res.Body.Close()
			t.Errorf("%s speaks TLS 1.1", base)
		}
	}
	conn, err := tls.Dial("tcp", strings.TrimPrefix(r.mutual, "https://"), r.showing(t, cert, key, func(c *tls.Config) { c.ClientSessionCache = tls.NewLRUClientSessionCache(4) }).Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	if conn.ConnectionState().DidResume {
		t.Error("a session was resumed")
	}
	_ = conn.Close()

	// On a connection that is open, a client that is frozen is refused with its next call.
	s.admin(nil, "client", "freeze", line.ID)
	await(t, 10*time.Second, "the frozen client to be refused", func(context.Context) bool {
		status, _, _ := ask(t, mine, "GET", r.mutual+"/v1/uploads", "", "Authorization", "Bearer "+access)
		return status == 401
	})
	if status, _, text := token(mine, r.mutual); status != 401 {
		t.Errorf("a frozen client gets a token: %d %s", status, text)
	}
}

// The server's certificate is renewed while it runs.
func TestTLS_followsItsFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.startSecure()
	serial := func() string {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(r.plain, "https://"), r.showing(t, "", "").Transport.(*http.Transport).TLSClientConfig)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := serial()
	key, errKey := os.ReadFile(r.key)
	if err := errors.Join(errKey, os.WriteFile(r.key, []byte("half"), 0o600)); err != nil {
		t.Fatal(err)
	}
	await(t, 10*time.Second, "the server to see the damage", func(context.Context) bool {
		serial()
		return strings.Contains(r.log.String(), "the certificate cannot be read again")
	})
	if serial() != before {
		t.Error("a damaged file is served")
	}
	if err := os.WriteFile(r.key, key, 0o600); err != nil {
		t.Fatal(err)
	}
	newCert, newKey := r.servers.Issue("renewed")
	if err := errors.Join(os.Rename(newCert, r.cert), os.Rename(newKey, r.key)); err != nil {
		t.Fatal(err)
	}
	await(t, 10*time.Second, "the new certificate", func(context.Context) bool { return serial() != before })
}

// A strict client works with the command line when its tokens are bound, and not without: a whole
// delivery, with its nonce and a proof for every call.
func TestStrictClient_byCommandLine(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	address := freeAddress(t)
	r := s.startOn(address, "COUNTERSIGN_PUBLIC_URL=http://"+address)
	p := newPeople(t, s)
	p.agree(r, p.tenant, p.customer)
	dir := t.TempDir()
	text, err := authz.NewClientKey()
	noError(t, err)
	made := s.keyed(t, dir, text, func(args ...string) (made credential) {
		s.admin(&made, append([]string{"client", "create", "--partner", p.partner, "--name", "strict"}, args...)...)
		return made
	}, "--profile", "strict")
	keyFile := filepath.Join(dir, "line.pem")
	noError(t, os.WriteFile(keyFile, text, 0o600))
	cli := p.commandLine(r, credential{ID: made["id"]})
	cli.env = append(cli.env, "COUNTERSIGN_CLIENT_SECRET=", "COUNTERSIGN_CLIENT_KEY_FILE="+keyFile)
	if _, said, code := cli.try("uploads"); code == 0 || !strings.Contains(said, "bound to a key") {
		t.Errorf("without proofs: %d %s", code, said)
	}
	cli.env = append(cli.env, "COUNTERSIGN_DPOP=1")
	cli.run(0, "uploads")
	cli.write("devices.csv", []byte("Device Serial Number,Windows Product ID,Hardware Hash\n,,"+p.devices.Next().Hash()+"\n"))
	cli.run(0, "submit", "devices.csv", "--tenant", p.tenant, "--batch", "strict")
	cli.run(0, "uploads")
}
