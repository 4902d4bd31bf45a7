package gateway_test

import "testing"

// Both descriptions are fetched once and asked about afterwards.
func TestDescriptions_answer304(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	tags := map[string]string{}
	for _, path := range []string{"/openapi.json", "/swagger.json"} {
		first, body := e.do("GET", path, "", "Authorization", "")
		tag := first.Header.Get("ETag")
		if first.StatusCode != 200 || body == "" || tag == "" || tags[tag] != "" {
			t.Fatalf("%s: %d, ETag %q", path, first.StatusCode, tag)
		}
		tags[tag] = path
		again, body := e.do("GET", path, "", "Authorization", "", "If-None-Match", `W/`+tag)
		if again.StatusCode != 304 || body != "" || again.Header.Get("ETag") != tag {
			t.Errorf("%s: %d %q, ETag %q", path, again.StatusCode, body, again.Header.Get("ETag"))
		}
		if other, _ := e.do("GET", path, "", "Authorization", "", "If-None-Match", `"other"`); other.StatusCode != 200 {
			t.Errorf("%s: %d for a tag it never had", path, other.StatusCode)
		}
	}
}
