package client_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"countersign/gateway/client"
)

// net/http reads HTTPS_PROXY once, so the proxy is there for all tests of this
// package. It never stands before 127.0.0.1, where all but its own take place.
var proxy = &connectProxy{routes: map[string]string{}}

func TestMain(m *testing.M) {
	server := httptest.NewServer(proxy)
	_ = os.Setenv("HTTPS_PROXY", strings.Replace(server.URL, "http://", "http://plant:p%40ss@", 1))
	_ = os.Setenv("NO_PROXY", "")
	code := m.Run()
	server.Close()
	os.Exit(code)
}

// connectProxy tunnels to where its routes say, for whoever knows the password.
type connectProxy struct {
	mu     sync.Mutex
	routes map[string]string // host:port, to the address behind it
	asked  []string
}

func (p *connectProxy) route(host, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.routes[host] = address
}

func (p *connectProxy) times(host string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, asked := range p.asked {
		if asked == host {
			n++
		}
	}
	return n
}

func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Host)
	address, known := p.routes[r.Host]
	p.mu.Unlock()
	switch {
	case r.Method != http.MethodConnect:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	case r.Header.Get("Proxy-Authorization") != "Basic cGxhbnQ6cEBzcw==": // plant:p@ss
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	case !known:
		w.WriteHeader(http.StatusForbidden)
		return
	}
	behind, err := net.Dial("tcp", address)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	front, rest, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(behind, rest)
		_ = behind.Close()
	}()
	_, _ = io.Copy(front, behind)
	_ = front.Close()
}

// tlsGateway is a gateway behind TLS, with the file of its authority.
func tlsGateway(t *testing.T) (server *httptest.Server, caFile string) {
	t.Helper()
	g := newGateway(t)
	server = httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, caFileOf(t, server.Certificate())
}

func caFileOf(t *testing.T, certificate *x509.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// plainClient is one with nothing of the test's own inside.
func plainClient(t *testing.T, address, caFile string) *client.Client {
	t.Helper()
	cfg := client.Config{BaseURL: address, Credentials: client.Secret("plant-7", "s"), Patience: -1}
	if caFile != "" {
		pool, err := client.CAFile(caFile)
		if err != nil {
			t.Fatal(err)
		}
		cfg.RootCAs = pool
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCAFile_isTrustedBesideTheSystems(t *testing.T) {
	t.Parallel()
	server, ca := tlsGateway(t)
	if _, err := plainClient(t, server.URL, ca).Token(context.Background()); err != nil {
		t.Errorf("with the authority: %v", err)
	}
	_, err := plainClient(t, server.URL, "").Token(context.Background())
	var untrusted *client.UntrustedError
	if !errors.As(err, &untrusted) || !untrusted.UnknownAuthority || !strings.Contains(err.Error(), "signed by an unknown authority") {
		t.Errorf("without it: %v", err)
	}
	_, err = plainClient(t, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), ca).Token(context.Background())
	if !errors.As(err, &untrusted) || untrusted.UnknownAuthority || !strings.HasPrefix(untrusted.Host, "localhost:") {
		t.Errorf("another name: %v", err)
	}
}

func TestCAFile_refusesWhatIsNone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CAFile(path); err == nil || !strings.Contains(err.Error(), "holds no certificate") {
		t.Errorf("error = %v", err)
	}
	if _, err := client.CAFile(path + ".missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}

func TestDefaultClient_refusesOldTLS(t *testing.T) {
	t.Parallel()
	server, ca := tlsGateway(t)
	server.TLS.MinVersion, server.TLS.MaxVersion = 0x0302, 0x0302 // TLS 1.1
	if _, err := plainClient(t, server.URL, ca).Token(context.Background()); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestProxy_ofTheEnvironment(t *testing.T) {
	t.Parallel()
	server, ca := tlsGateway(t)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	host := "example.com:" + port // the name in the certificate of httptest
	proxy.route(host, server.Listener.Addr().String())
	if _, err := plainClient(t, "https://"+host, ca).Token(context.Background()); err != nil {
		t.Errorf("through the proxy: %v", err)
	}
	if n := proxy.times(host); n != 1 {
		t.Errorf("%d connections through the proxy", n)
	}
}

func TestProxy_refusals(t *testing.T) {
	t.Parallel()
	_, err := plainClient(t, "https://unknown.example", "").Token(context.Background())
	var refused *client.ProxyError
	var lost *client.UnreachableError
	if !errors.As(err, &refused) || errors.As(err, &lost) || refused.Status != http.StatusForbidden {
		t.Errorf("error = %v", err)
	}
	if err == nil || strings.Contains(err.Error(), "p%40ss") || strings.Contains(err.Error(), "p@ss") {
		t.Errorf("the error shows the proxy's password: %v", err)
	}
	proxy.route("away.example:443", "127.0.0.1:1")
	_, err = plainClient(t, "https://away.example", "").Token(context.Background())
	if !errors.As(err, &lost) || lost.Sent || !strings.Contains(err.Error(), "HTTP 502") {
		t.Errorf("error = %v", err)
	}
}
