package client_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// gateway is a server with canned answers that remembers what it was asked.
type gateway struct {
	*httptest.Server
	mux *http.ServeMux

	mu     sync.Mutex
	asked  []request
	tokens int
	slept  []time.Duration
	clock  time.Time

	tokenAnswers []http.HandlerFunc // of the token endpoint, in turn; nil for bearers' tokens
}

type request struct {
	*http.Request
	body string
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{mux: http.NewServeMux(), clock: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	g.mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.tokens++
		n := g.tokens
		g.mu.Unlock()
		if len(g.tokenAnswers) > 0 {
			g.tokenAnswers[min(n, len(g.tokenAnswers))-1](w, r)
			return
		}
		reply(w, 200, map[string]any{"access_token": "token-" + string(rune('0'+n)), "token_type": "Bearer", "expires_in": 600, "scope": "devices.read devices.write"})
	})
	g.Server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g.mu.Lock()
	g.asked = append(g.asked, request{r, string(body)})
	g.mu.Unlock()
	g.mux.ServeHTTP(w, r)
}

// calls are the requests but those for tokens.
func (g *gateway) calls() []request {
	g.mu.Lock()
	defer g.mu.Unlock()
	var calls []request
	for _, r := range g.asked {
		if r.URL.Path != "/oauth2/token" {
			calls = append(calls, r)
		}
	}
	return calls
}

// inTurn answers each call with the next handler, the last one for ever.
func (g *gateway) inTurn(pattern string, handlers ...http.HandlerFunc) {
	var mu sync.Mutex
	n := 0
	g.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := handlers[min(n, len(handlers)-1)]
		n++
		mu.Unlock()
		h(w, r)
	})
}

// client makes a client whose waiting takes no time but moves its clock.
func (g *gateway) client(t *testing.T, change ...func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{
		BaseURL: g.URL, Credentials: client.Secret("plant 7", "s:cret+/"), HTTP: g.Client(),
		Now: func() time.Time { g.mu.Lock(); defer g.mu.Unlock(); return g.clock },
		Sleep: func(ctx context.Context, d time.Duration) error {
			g.mu.Lock()
			g.slept = append(g.slept, d)
			g.clock = g.clock.Add(d)
			g.mu.Unlock()
			return ctx.Err()
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// refuse answers as the gateway does for a word of the table.
func refuse(word string, header ...string) http.HandlerFunc {
	code, ok := wire.Lookup(word)
	if !ok {
		panic(word)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("MS-RequestId", r.Header.Get("MS-RequestId"))
		if code.Status == http.StatusTooManyRequests {
			reply(w, code.Status, wire.Throttled{StatusCode: 429, Message: "Rate limit is exceeded."})
			return
		}
		reply(w, code.Status, wire.Problem{
			Code: code.Number, Description: "what happened", Title: code.Title, Status: code.Status, Detail: "what happened",
			Reason: code.Word, NextActor: code.NextActor, Retryable: code.Retryable,
		})
	}
}

func accepted(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", "/customers/t1/batchJobStatus/track-1")
	w.WriteHeader(http.StatusAccepted)
}

// dropped closes the connection without an answer.
func dropped(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func csvOf(text string) client.Body { return client.BytesBody("text/csv", []byte(text)) }
