package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func TestSubmit_repeatsWithTheSameIDAndTheWholeBody(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]http.HandlerFunc{
		"a lost answer":       dropped,
		"unavailable":         refuse("storage_unavailable"),
		"an unknown outcome":  refuse("outcome_unknown"),
		"an unexpected error": refuse("internal"),
		"throttled":           refuse("rate_limit_exceeded", "Retry-After", "7"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.inTurn("POST /v1/customers/t1/deviceBatches", first, accepted)
			got, err := g.client(t).Submit(context.Background(), client.Submission{Tenant: "t1", Batch: "north depot", Body: csvOf("a,b\n1,2\n")})
			if err != nil || got.TrackingID != "track-1" || got.Location != "/customers/t1/batchJobStatus/track-1" {
				t.Fatalf("%+v, %v", got, err)
			}
			calls := g.calls()
			if len(calls) != 2 {
				t.Fatalf("%d calls", len(calls))
			}
			id := calls[0].Header.Get("MS-RequestId")
			if len(id) != 36 || calls[1].Header.Get("MS-RequestId") != id {
				t.Errorf("request ids %q and %q", id, calls[1].Header.Get("MS-RequestId"))
			}
			for _, c := range calls {
				if c.body != "a,b\n1,2\n" || c.URL.RawQuery != "batchId=north+depot" || c.Header.Get("Content-Type") != "text/csv" {
					t.Errorf("body %q, query %q, type %q", c.body, c.URL.RawQuery, c.Header.Get("Content-Type"))
				}
			}
		})
	}
}

func TestSubmit_waitsAsLongAsAsked(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	at := g.clock.Add(20 * time.Second).Format(http.TimeFormat)
	g.inTurn("POST /v1/customers/t1/deviceBatches", refuse("rate_limit_exceeded", "Retry-After", "7"), refuse("rate_limit_exceeded", "Retry-After", at), accepted)
	var told []time.Duration
	c := g.client(t, func(cfg *client.Config) { cfg.Notice = func(w client.Wait) { told = append(told, w.For) } })
	if _, err := c.Submit(context.Background(), client.Submission{Tenant: "t1", Batch: "b", Body: csvOf("x")}); err != nil {
		t.Fatal(err)
	}
	if len(g.slept) != 2 || g.slept[0] != 7*time.Second || g.slept[1] != 13*time.Second || len(told) != 2 {
		t.Errorf("slept %v, told %v", g.slept, told)
	}
}

func TestSubmit_doesNotWaitPastPatience(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("POST /v1/customers/t1/deviceBatches", refuse("rate_limit_exceeded", "Retry-After", "121"))
	_, err := g.client(t).Submit(context.Background(), client.Submission{Tenant: "t1", Batch: "b", Body: csvOf("x")})
	var refusal *client.APIError
	if !errors.As(err, &refusal) || refusal.Status != 429 || refusal.RetryAfter != 121*time.Second || refusal.Reason != "rate_limit_exceeded" {
		t.Fatalf("error = %v", err)
	}
	if len(g.slept) != 0 || len(g.calls()) != 1 {
		t.Errorf("slept %v, %d calls", g.slept, len(g.calls()))
	}
}

func TestSubmit_patienceEndsEvenWhenNothingIsSaid(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("POST /v1/customers/t1/deviceBatches", dropped)
	_, err := g.client(t).Submit(context.Background(), client.Submission{Tenant: "t1", Batch: "b", Body: csvOf("x")})
	var lost *client.UnreachableError
	if !errors.As(err, &lost) || !lost.Sent {
		t.Fatalf("error = %v", err)
	}
	var slept time.Duration
	for _, d := range g.slept {
		slept += d
	}
	if slept > client.DefaultPatience || slept < client.DefaultPatience/2 {
		t.Errorf("waited %v in all", slept)
	}
}

func TestSubmit_permanentRefusalsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"consent_not_granted", "batch_exists", "body_malformed", "upload_larger_than_budget", "insufficient_scope"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.mux.HandleFunc("POST /v1/customers/t1/deviceBatches/b/devices", refuse(word, "Location", "/customers/t1/deviceBatches/b"))
			_, err := g.client(t).Submit(context.Background(), client.Submission{Tenant: "t1", Batch: "b", Append: true, Body: csvOf("x")})
			var refusal *client.APIError
			if !errors.As(err, &refusal) || refusal.Reason != word || refusal.Location != "/customers/t1/deviceBatches/b" {
				t.Fatalf("error = %#v", err)
			}
			code, _ := wire.Lookup(word)
			if refusal.Code != code.Number || refusal.Title != code.Title || refusal.NextActor != code.NextActor || refusal.RequestID == "" {
				t.Errorf("vocabularies: %+v", refusal)
			}
			if len(g.calls()) != 1 || len(g.slept) != 0 {
				t.Errorf("%d calls", len(g.calls()))
			}
		})
	}
}

func TestSubmit_answerOfSomethingElse(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>proxy</html>")
		}
	}
	g.inTurn("POST /v1/customers/t1/deviceBatches", page(502), page(407))
	_, err := g.client(t).Submit(context.Background(), client.Submission{Tenant: "t1", Batch: "b", Body: csvOf("x")})
	var refusal *client.APIError
	if !errors.As(err, &refusal) || refusal.Status != 407 || refusal.Reason != "" || !strings.Contains(err.Error(), "in between") {
		t.Fatalf("error = %v", err)
	}
	if len(g.calls()) != 2 {
		t.Errorf("%d calls: a bad gateway passes, a demand for proxy credentials does not", len(g.calls()))
	}
}

func TestDecisionsThatMayHaveHappenedAreNotRepeated(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("POST /v1/consents", dropped)
	g.mux.HandleFunc("POST /v1/consents/c1/suspend", dropped)
	g.inTurn("POST /v1/consents/c1/revoke", dropped, refuse("storage_unavailable", "Retry-After", "1"), func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 202, wire.Consent{ID: "c1", State: "revoking"})
	})
	c := g.client(t)
	_, err := c.RequestConsent(context.Background(), wire.ConsentAsk{Tenant: "t1"})
	var lost *client.UnreachableError
	if !errors.As(err, &lost) || len(g.calls()) != 1 {
		t.Errorf("error = %v after %d calls", err, len(g.calls()))
	}
	_, err = c.ChangeConsent(context.Background(), "c1", client.Suspend, "")
	if !errors.As(err, &lost) || len(g.calls()) != 2 {
		t.Errorf("error = %v after %d calls", err, len(g.calls()))
	}
	consent, err := c.ChangeConsent(context.Background(), "c1", client.Revoke, "sold")
	if err != nil || consent.State != "revoking" || len(g.calls()) != 5 || g.calls()[4].body != `{"reason":"sold"}` {
		t.Errorf("a revoke, which may be repeated, was not: %+v, %v", consent, err)
	}
}

func TestUnreachable_beforeAnythingWasSent(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	c := g.client(t)
	if _, err := c.Token(context.Background()); err != nil {
		t.Fatal(err)
	}
	g.Close()
	_, err := c.RequestConsent(context.Background(), wire.ConsentAsk{Tenant: "t1"})
	var lost *client.UnreachableError
	if !errors.As(err, &lost) || lost.Sent {
		t.Fatalf("error = %#v", err)
	}
	if len(g.slept) == 0 {
		t.Error("a refused connection was not tried again")
	}
}

func TestSubmit_ownBodyFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the file was changed while it was sent")
	plain := client.Body{ContentType: "text/csv", Size: 1 << 20, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 1000)), failing{broken})), nil
	}}
	for name, body := range map[string]client.Body{"plain": plain, "packed": plain.Compressed()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.mux.HandleFunc("POST /v1/customers/t1/deviceBatches", accepted)
			_, err := g.client(t).Submit(context.Background(), client.Submission{Tenant: "t1", Batch: "b", Body: body})
			if !errors.Is(err, broken) || len(g.slept) != 0 {
				t.Errorf("error = %v, slept %v", err, g.slept)
			}
		})
	}
}

// A packed body is packed anew for each repeat, and nothing of a refused one is left behind.
func TestSubmit_packed(t *testing.T) {
	t.Parallel()
	plain := strings.Repeat("serial,4711\n", 100_000)
	g := newGateway(t)
	g.inTurn("POST /v1/customers/t1/deviceBatches", refuse("storage_unavailable"), dropped, accepted)
	if _, err := g.client(t).Submit(context.Background(), client.Submission{Tenant: "t1", Batch: "b", Body: csvOf(plain).Compressed()}); err != nil {
		t.Fatal(err)
	}
	calls := g.calls()
	last := calls[len(calls)-1]
	unpacker, err := zstd.NewReader(strings.NewReader(last.body))
	if err != nil {
		t.Fatal(err)
	}
	defer unpacker.Close()
	got, err := io.ReadAll(unpacker)
	if err != nil || string(got) != plain || last.Header.Get("Content-Encoding") != "zstd" || len(last.body) > len(plain)/20 || len(calls) != 3 {
		t.Errorf("%d calls; %d bytes became %d, %v", len(calls), len(last.body), len(got), err)
	}
}

func TestSubmit_cancelled(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	ctx, cancel := context.WithCancel(context.Background())
	g.mux.HandleFunc("POST /v1/customers/t1/deviceBatches", func(http.ResponseWriter, *http.Request) {
		cancel()
		panic(http.ErrAbortHandler)
	})
	_, err := g.client(t).Submit(ctx, client.Submission{Tenant: "t1", Batch: "b", Body: csvOf("x")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
