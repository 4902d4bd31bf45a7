package main

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// listenTLS lets a script reach its gateway over TLS, at $TLS_URL with the authority
// in $CA, and under the name of $NAMED_URL, which only the proxy at $PROXY knows.
func (f *fakeGateway) listenTLS(env *testscript.Env) error {
	secure := httptest.NewUnstartedServer(f)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // of handshakes that are meant to fail
	secure.StartTLS()
	env.Defer(secure.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	ca := filepath.Join(env.WorkDir, "ca.pem")
	if err := os.WriteFile(ca, authority, 0o600); err != nil {
		return err
	}
	proxy := httptest.NewServer(connectProxy(secure.Listener.Addr().String()))
	env.Defer(proxy.Close)
	env.Defer(proxy.CloseClientConnections)
	env.Setenv("CA", ca)
	env.Setenv("TLS_URL", secure.URL)
	env.Setenv("NAMED_URL", "https://example.com") // the name in the certificate of httptest
	env.Setenv("PROXY", strings.TrimPrefix(proxy.URL, "http://"))
	return nil
}

// connectProxy tunnels everything to one address, for whoever knows the password.
func connectProxy(address string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if r.Header.Get("Proxy-Authorization") != "Basic cGxhbnQ6cEBzcw==" { // plant:p@ss
			w.WriteHeader(http.StatusProxyAuthRequired)
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
}
