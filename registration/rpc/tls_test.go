package rpc_test

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"countersign/internal/errs"
	"countersign/internal/tlstest"
	"countersign/models"
	"countersign/registration/rpc"
)

// secured is a core that asks for certificates; core and gateways have authorities of
// their own.
type secured struct {
	t              *testing.T
	url            string
	cores, clients *tlstest.Authority
}

func newSecured(t *testing.T) secured {
	t.Helper()
	s := secured{t: t, cores: tlstest.NewAuthority(t, "cores"), clients: tlstest.NewAuthority(t, "gateways")}
	cert, key := s.cores.Issue("core")
	config, err := rpc.ServerTLS(rpc.Files{Cert: cert, Key: key, CA: s.clients.File})
	if err != nil {
		t.Fatal(err)
	}
	_, handler := rpc.NewHandler(&fake{}, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: handler, TLSConfig: config, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = srv.ServeTLS(l, "", "") }() // ends with Close
	t.Cleanup(func() { _ = srv.Close() })
	s.url = "https://" + l.Addr().String()
	return s
}

func (s secured) call(files rpc.Files) error {
	s.t.Helper()
	config, err := rpc.ClientTLS(files)
	if err != nil {
		s.t.Fatal(err)
	}
	line := rpc.NewLine(config)
	s.t.Cleanup(line.CloseIdleConnections)
	return rpc.NewClient(s.url, rpc.Options{HTTP: line, Now: frozen}).Fence(s.t.Context(), models.SubjectOfGrant, "g", 1)
}

func TestOnlyGatewaysReachTheCoreAndOnlyTheCoreIsBelieved(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	cert, key := s.clients.Issue("gateway")
	if err := s.call(rpc.Files{Cert: cert, Key: key, CA: s.cores.File}); err != nil {
		t.Errorf("a gateway: %v", err)
	}
	strange, strangeKey := s.cores.Issue("of another authority")
	for name, files := range map[string]rpc.Files{
		"without a certificate":                 {CA: s.cores.File},
		"with one of another authority":         {Cert: strange, Key: strangeKey, CA: s.cores.File},
		"who believes another authority":        {Cert: cert, Key: key, CA: s.clients.File},
		"who believes the system's authorities": {Cert: cert, Key: key},
	} {
		if err := s.call(files); errs.KindOf(err) != errs.Unavailable {
			t.Errorf("a caller %s: %v", name, err)
		}
	}
}

// A certificate is replaced by writing its files.
func TestCertificatesAreReadAgain(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	files := rpc.Files{CA: s.cores.File, Cert: filepath.Join(t.TempDir(), "cert"), Key: filepath.Join(t.TempDir(), "key")}
	replace := func(by *tlstest.Authority) {
		cert, key := by.Issue("gateway")
		for from, to := range map[string]string{cert: files.Cert, key: files.Key} {
			text, err := os.ReadFile(from)
			if err == nil {
				err = os.WriteFile(to, text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	replace(s.cores)
	config, err := rpc.ClientTLS(files)
	if err != nil {
		t.Fatal(err)
	}
	line := rpc.NewLine(config)
	defer line.CloseIdleConnections()
	cl := rpc.NewClient(s.url, rpc.Options{HTTP: line, Now: frozen})
	if err := cl.Fence(t.Context(), models.SubjectOfGrant, "g", 1); errs.KindOf(err) != errs.Unavailable {
		t.Fatalf("the wrong certificate: %v", err)
	}
	replace(s.clients)
	if err := cl.Fence(t.Context(), models.SubjectOfGrant, "g", 1); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	a := tlstest.NewAuthority(t, "a")
	cert, key := a.Issue("x")
	_, otherKey := a.Issue("y")
	for name, files := range map[string]rpc.Files{
		"no certificate": {Cert: "nowhere", Key: key, CA: a.File}, "no authority": {Cert: cert, Key: key, CA: "nowhere"},
		"an empty authority": {Cert: cert, Key: key, CA: key}, "a key of another": {Cert: cert, Key: otherKey, CA: a.File},
	} {
		if _, err := rpc.ServerTLS(files); err == nil {
			t.Errorf("%s: a core starts", name)
		}
		if _, err := rpc.ClientTLS(files); err == nil {
			t.Errorf("%s: a gateway starts", name)
		}
	}
}
