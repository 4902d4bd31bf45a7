package portal_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// browser is somebody who clicks: it keeps cookies and follows no redirect by itself.
type browser struct {
	k      *kit
	client *http.Client
	token  string
}

func (k *kit) browser(session string) *browser {
	k.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		k.t.Fatal(err)
	}
	b := &browser{k: k, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if session != "" {
		u, _ := url.Parse(k.server.URL)
		jar.SetCookies(u, []*http.Cookie{{Name: "countersign-session", Value: session, Path: "/"}})
		b.token = "token-of-" + session
	}
	return b
}

// answer is what came back.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string
}

func (b *browser) do(req *http.Request) answer {
	b.k.t.Helper()
	res, err := b.client.Do(req)
	if err != nil {
		b.k.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.k.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body), res.Header.Get("Location")}
}

func (b *browser) get(path string) answer {
	b.k.t.Helper()
	req, err := http.NewRequestWithContext(b.k.t.Context(), http.MethodGet, b.k.server.URL+path, nil)
	if err != nil {
		b.k.t.Fatal(err)
	}
	return b.do(req)
}

// post sends a form with the session's token.
func (b *browser) post(path string, pairs ...string) answer {
	b.k.t.Helper()
	form := url.Values{"token": {b.token}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(b.k.postRequest(path, form))
}

func (k *kit) postRequest(path string, form url.Values) *http.Request {
	k.t.Helper()
	req, err := http.NewRequestWithContext(k.t.Context(), http.MethodPost, k.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		k.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return req
}

func (a answer) must(t *testing.T, status int, words ...string) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	for _, w := range words {
		if !strings.Contains(a.body, w) {
			t.Fatalf("the page lacks %q:\n%s", w, a.body)
		}
	}
	return a
}
