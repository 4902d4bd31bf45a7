package client_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// A client with a key proves every request, repeats one with the nonce that is asked for, once, and
// uses the nonce of the last answer from then on.
func TestPossession_nonces(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	var proofs []string
	c := g.client(t, func(cfg *client.Config) {
		cfg.Proof = func(method, address, token, nonce string) (string, error) {
			proofs = append(proofs, fmt.Sprintf("%s %s %q %q", method, address[len(g.URL):], token, nonce))
			return fmt.Sprint("proof ", len(proofs)), nil
		}
	})
	nonce := func(n string, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("DPoP-Nonce", n)
			next(w, r)
		}
	}
	token := func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, wire.Token{AccessToken: "bound", TokenType: "DPoP", ExpiresIn: 600})
	}
	asked := func(w http.ResponseWriter, _ *http.Request) { reply(w, 400, wire.OAuthError{Error: "use_dpop_nonce"}) }
	upload := func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, wire.Upload{TrackingID: "u"}) }
	g.tokenAnswers = []http.HandlerFunc{nonce("n1", asked), nonce("n2", token)}
	g.inTurn("GET /v1/uploads/u", nonce("n3", refuse("use_dpop_nonce")), nonce("n4", upload), nonce("n5", upload))
	for range 2 {
		if _, err := c.Upload(context.Background(), client.Owner{}, "u"); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`POST /oauth2/token "" ""`, `POST /oauth2/token "" "n1"`,
		`GET /v1/uploads/u "bound" "n2"`, `GET /v1/uploads/u "bound" "n3"`, `GET /v1/uploads/u "bound" "n4"`,
	}
	if fmt.Sprint(proofs) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", proofs, want)
	}
	for i, r := range g.asked {
		if got := r.Header.Get("DPoP"); got != fmt.Sprint("proof ", i+1) {
			t.Errorf("request %d carries %q", i+1, got)
		}
		if authorization := r.Header.Get("Authorization"); i >= 2 && authorization != "DPoP bound" {
			t.Errorf("request %d is sent under %q", i+1, authorization)
		}
	}
}

// A server that asks for nonces without end is asked once more and no more.
func TestPossession_asksOnceMore(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	calls := 0
	c := g.client(t, func(cfg *client.Config) {
		cfg.Proof = func(string, string, string, string) (string, error) { return "proof", nil }
	})
	g.tokenAnswers = []http.HandlerFunc{func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, wire.Token{AccessToken: "bound", TokenType: "DPoP", ExpiresIn: 600})
	}}
	g.mux.HandleFunc("GET /v1/uploads/u", func(w http.ResponseWriter, r *http.Request) {
		calls++
		refuse("use_dpop_nonce")(w, r)
	})
	if _, err := c.Upload(context.Background(), client.Owner{}, "u"); err == nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// A bearer token where a bound one was asked for is not used: somebody has taken the proof off.
func TestPossession_takesNoBearer(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	c := g.client(t, func(cfg *client.Config) {
		cfg.Proof = func(string, string, string, string) (string, error) { return "proof", nil }
	})
	if _, err := c.Token(context.Background()); err == nil {
		t.Error("a bearer token was taken")
	}
}
