package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestReady_asksTheListeningAddress(t *testing.T) {
	t.Parallel()
	status := http.StatusOK
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	})
	plain, secure := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	defer plain.Close()
	defer secure.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(plain.URL, "http://"), ":")
	for name, c := range map[string]Config{
		"an address":     {Listen: strings.TrimPrefix(plain.URL, "http://")},
		"every address":  {Listen: "0.0.0.0:" + port},
		"TLS of its own": {Listen: strings.TrimPrefix(secure.URL, "https://"), TLSCert: "x"},
	} {
		status = http.StatusOK
		if err := c.probe(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		status = http.StatusServiceUnavailable
		if err := c.probe(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
			t.Errorf("%s: a server that is not ready gives %v", name, err)
		}
	}
	secure.Close()
	if err := (Config{Listen: strings.TrimPrefix(secure.URL, "https://")}).probe(t.Context()); err == nil {
		t.Error("nobody listens, and the answer is ready")
	}
}
