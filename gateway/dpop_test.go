package gateway_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/authz"
	"countersign/internal/errs"
)

// What is shown beside a token reaches the verifier as it was sent, with the address the
// caller used.
func TestDPoP_presentation(t *testing.T) {
	t.Parallel()
	var shown authz.Presentation
	e := newEdge(t)
	e.presented = func(in authz.Presentation) { shown = in }
	for _, c := range []struct {
		method, path, wantURL string
		headers               []string
		dpop                  bool
		proofs                []string
	}{
		{"GET", "/v1/uploads?size=5", "https://gateway.example.com/v1/uploads", []string{"Authorization", "DPoP partner", "DPoP", "a.b.c"}, true, []string{"a.b.c"}},
		{"HEAD", "/V1/Uploads/", "https://gateway.example.com/V1/Uploads/", []string{"Authorization", "dpop partner", "DPoP", "a.b.c"}, true, []string{"a.b.c"}},
		{"GET", "/v1/uploads", "https://gateway.example.com/v1/uploads", []string{"Authorization", "Bearer partner", "DPoP", "a.b.c"}, false, []string{"a.b.c"}},
		{"GET", "/v1/uploads", "", []string{"Authorization", "Bearer partner"}, false, nil},
	} {
		resp, _ := e.do(c.method, c.path, "", c.headers...)
		if shown.DPoP != c.dpop || !slices.Equal(shown.Proof.Headers, c.proofs) || shown.Proof.Method != c.method || shown.Proof.URL != c.wantURL || shown.Token != "partner" {
			t.Errorf("%s %s: shown is %+v", c.method, c.path, shown)
		}
		if got := resp.Header.Get("DPoP-Nonce"); (got == "nonce-now") != (len(c.proofs) > 0) {
			t.Errorf("%s %s: nonce %q", c.method, c.path, got)
		}
	}
}

// The challenge tells who proves possession what is wrong, and everybody else that they could.
func TestDPoP_challenges(t *testing.T) {
	t.Parallel()
	const tail = `, resource_metadata="https://gateway.example.com/.well-known/oauth-protected-resource"`
	const algs = `, algs="ES256 PS256 EdDSA Ed25519"`
	nobody := newEdge(t)
	resp, _ := nobody.do("GET", "/v1/uploads", "", "Authorization", "")
	if got, want := resp.Header.Values("WWW-Authenticate"), []string{`Bearer realm="countersign"` + tail, `DPoP realm="countersign"` + tail + algs}; !slices.Equal(got, want) {
		t.Errorf("nothing was sent: got %q, want %q", got, want)
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"proof": {authz.ErrInvalidProof.WithDetail("The proof is %q.", "old"), `DPoP realm="countersign", error="invalid_dpop_proof", error_description="The proof is 'old'."` + tail + algs},
		"nonce": {authz.ErrUseNonce, `DPoP realm="countersign", error="use_dpop_nonce", error_description="` + authz.ErrUseNonce.Detail + `"` + tail + algs},
		"token": {authz.ErrInvalidToken, `DPoP realm="countersign", error="invalid_token", error_description="` + authz.ErrInvalidToken.Detail + `"` + tail + algs},
	} {
		e := newEdge(t)
		e.verify = func(string) (authz.Principal, error) { return authz.Principal{}, c.err }
		resp, body := e.do("GET", "/v1/uploads", "", "Authorization", "DPoP a.b.c", "DPoP", "p.p.p")
		if got := resp.Header.Values("WWW-Authenticate"); resp.StatusCode != 401 || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %d, got %q, want %q", name, resp.StatusCode, got, c.want)
		}
		if resp.Header.Get("DPoP-Nonce") != "nonce-now" || !strings.Contains(body, `"reason":"`+errs.From(c.err).Code+`"`) {
			t.Errorf("%s: nonce %q, %s", name, resp.Header.Get("DPoP-Nonce"), body)
		}
	}
}

// At the token endpoint the proof and its address go to where it is checked, and the nonce comes
// with the refusal (RFC 9449 section 8).
func TestDPoP_tokenEndpoint(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.exchange = func(req authz.TokenRequest) (authz.TokenResponse, error) {
		if req.Proof.URL != "https://gateway.example.com/oauth2/token" || req.Proof.Method != "POST" {
			t.Errorf("the proof is of %s %s", req.Proof.Method, req.Proof.URL)
		}
		if slices.Equal(req.Proof.Headers, []string{"good"}) {
			return authz.TokenResponse{AccessToken: "a.b.c", Type: "DPoP", ExpiresIn: time.Minute}, nil
		}
		return authz.TokenResponse{}, &authz.OAuthError{Code: "use_dpop_nonce", Description: "d", Kind: errs.Invalid}
	}
	for proof, want := range map[string]string{"good": `"token_type":"DPoP"`, "old": `"error":"use_dpop_nonce"`} {
		resp, body := e.do("POST", "/oauth2/token?x=1", "grant_type=client_credentials", "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic eDp5", "DPoP", proof)
		if !strings.Contains(body, want) || resp.Header.Get("DPoP-Nonce") != "nonce-now" || (resp.StatusCode == 200) != (proof == "good") || resp.StatusCode == 401 {
			t.Errorf("%s: %d %s, nonce %q", proof, resp.StatusCode, body, resp.Header.Get("DPoP-Nonce"))
		}
	}
}
