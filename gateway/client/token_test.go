package client_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func TestToken_basicFormEncodesBothHalves(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	token, err := g.client(t).Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("plant+7:s%3Acret%2B%2F"))
	if got := g.asked[0].Header.Get("Authorization"); got != want {
		t.Errorf("Authorization = %q, want %q", got, want)
	}
	if g.asked[0].body != "grant_type=client_credentials" {
		t.Errorf("body = %q", g.asked[0].body)
	}
	if strings.Join(token.Scopes, " ") != "devices.read devices.write" || !token.ExpiresAt.Equal(g.clock.Add(10*time.Minute)) {
		t.Errorf("scopes %v until %v", token.Scopes, token.ExpiresAt)
	}
}

func TestToken_keptUntilItNearsItsEnd(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	c := g.client(t)
	for i, step := range []struct {
		pass time.Duration
		want string
	}{{0, "token-1"}, {7 * time.Minute, "token-1"}, {2 * time.Minute, "token-2"}} {
		g.clock = g.clock.Add(step.pass)
		token, err := c.Token(context.Background())
		if err != nil || token.Value != step.want {
			t.Errorf("step %d: %q, %v, want %q", i, token.Value, err, step.want)
		}
	}
}

func TestToken_assertionIsFreshAndForThisGateway(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	var made int
	c := g.client(t, func(cfg *client.Config) {
		cfg.Credentials = client.Assertion("plant 7", func(_ context.Context, audience string) (string, error) {
			made++
			return fmt.Sprintf("assertion %d for %s", made, audience), nil
		})
	})
	g.inTurn("GET /v1/uploads/u", refuse("invalid_token"), func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, wire.Upload{TrackingID: "u"}) })
	if _, err := c.Upload(context.Background(), client.Owner{}, "u"); err != nil {
		t.Fatal(err)
	}
	for i, n := range []int{0, 2} {
		form, _ := url.ParseQuery(g.asked[n].body)
		if want := fmt.Sprintf("assertion %d for %s", i+1, g.URL); form.Get("client_assertion") != want {
			t.Errorf("client_assertion = %q, want %q", form.Get("client_assertion"), want)
		}
		if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Get("client_id") != "plant 7" {
			t.Errorf("form = %v", form)
		}
		if g.asked[n].Header.Get("Authorization") != "" {
			t.Error("two methods of authentication in one request")
		}
	}
}

func TestToken_refusedTwiceIsFinal(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux.HandleFunc("GET /v1/uploads/u", refuse("invalid_token"))
	_, err := g.client(t).Upload(context.Background(), client.Owner{}, "u")
	var refusal *client.APIError
	if !errors.As(err, &refusal) || refusal.Reason != "invalid_token" {
		t.Fatalf("error = %v", err)
	}
	if calls := g.calls(); len(calls) != 2 || calls[0].Header.Get("Authorization") != "Bearer token-1" || calls[1].Header.Get("Authorization") != "Bearer token-2" {
		t.Errorf("%d calls", len(calls))
	}
}

func TestToken_refusalOfTheEndpoint(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	g.mux = http.NewServeMux()
	g.mux.HandleFunc("POST /oauth2/token", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 401, wire.OAuthError{Error: "invalid_client", Description: "Client authentication failed."})
	})
	_, err := g.client(t).Token(context.Background())
	var refusal *client.OAuthError
	if !errors.As(err, &refusal) || refusal.Code != "invalid_client" || refusal.Status != 401 || len(g.asked) != 1 {
		t.Errorf("error = %v after %d requests", err, len(g.asked))
	}
}

func TestSecretsStayOutOfPrintedValues(t *testing.T) {
	t.Parallel()
	credentials := client.Secret("plant 7", "hush-hush")
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, credentials); strings.Contains(text, "hush") {
			t.Errorf("%s prints %q", format, text)
		}
		if text := fmt.Sprintf(format, client.Token{Value: "hush-hush"}); strings.Contains(text, "hush") {
			t.Errorf("%s prints %q", format, text)
		}
	}
}

func TestNew_refusesWhatIsNoGatewaysAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "gw.example.com", "ftp://gw.example.com", "https://gw.example.com/v1", "https://u:p@gw.example.com", "https://gw.example.com?x=1"} {
		if _, err := client.New(client.Config{BaseURL: address, Credentials: client.Secret("a", "b")}); err == nil {
			t.Errorf("%q was taken", address)
		}
	}
	if _, err := client.New(client.Config{BaseURL: "https://gw.example.com/", Credentials: client.Secret("a", "b")}); err != nil {
		t.Error(err)
	}
}
