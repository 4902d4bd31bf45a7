package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"countersign/models"
	"countersign/registration/rpc"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A core that was updated looks devices up by nothing that it left incomplete.
func TestOpenDatabaseCompletesKeys(t *testing.T) {
	t.Parallel()
	c := defaults()
	c.DataDir = t.TempDir()
	c, err := c.complete()
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.openDatabase(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	left, err := gorm.G[models.IDSeries](d.Read()).Where("name <> 'identities'").Count(t.Context(), "*")
	if err != nil || left != 0 {
		t.Errorf("%d series wait for completion, %v", left, err)
	}
}

// A core with nothing set but its addresses takes calls over HTTP/1.1 and HTTP/2, says
// that it is ready, counts, and ends when asked.
func TestServe(t *testing.T) {
	t.Parallel()
	c := defaults()
	c.DataDir, c.Listen, c.OpsListen = t.TempDir(), freeAddress(t), freeAddress(t)
	c, err := c.complete()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, slog.New(slog.DiscardHandler)) }()
	environ := []string{"REGISTRARD_OPS_LISTEN=" + c.OpsListen}
	deadline := time.Now().Add(30 * time.Second)
	for askReady(environ) != 0 {
		if time.Now().After(deadline) {
			t.Fatal("it does not get ready")
		}
	}
	http2 := rpc.NewLine(nil)
	plain := &http.Protocols{}
	plain.SetUnencryptedHTTP2(true)
	http2.Transport.(*http.Transport).Protocols = plain
	for name, line := range map[string]*http.Client{"HTTP/1.1": rpc.NewLine(nil), "HTTP/2": http2} {
		now, err := rpc.NewClient("http://"+c.Listen, rpc.Options{HTTP: line}).Clock(t.Context())
		if err != nil || time.Since(now).Abs() > time.Minute {
			t.Errorf("%s: %v, %v", name, now, err)
		}
		line.CloseIdleConnections()
	}
	if got := get(t, "http://"+c.OpsListen+"/metrics"); !strings.Contains(got, `registrard_calls_total{method="Clock",status="200"} 2`) {
		t.Errorf("metrics: %s", got)
	}
	if got := get(t, "http://"+c.OpsListen+"/healthz"); got != "ok\n" {
		t.Errorf("health: %s", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if askReady(environ) == 0 {
		t.Error("it says it is ready after its end")
	}
}

func askReady(environ []string) int {
	return run([]string{"ready"}, environment{environ, io.Discard, io.Discard})
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestServe_refusesToStart(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for name, args := range map[string][]string{
		"an address in use":          {"--listen", busy.Addr().String()},
		"operators' address in use":  {"--listen", "127.0.0.1:0", "--ops-listen", busy.Addr().String()},
		"certificates that are none": {"--listen", "127.0.0.1:0", "--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key"},
		"a database that is none":    {"--database-url", "mysql://x"},
	} {
		var stderr bytes.Buffer
		args = append([]string{"serve", "--data-dir", t.TempDir()}, args...)
		if code := run(args, environment{nil, io.Discard, &stderr}); code != 1 || !strings.Contains(stderr.String(), "registrard: ") {
			t.Errorf("%s: code %d, %s", name, code, stderr.String())
		}
	}
}
