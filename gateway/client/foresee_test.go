package client_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func TestForesee(t *testing.T) {
	t.Parallel()
	const rows = `{"validateOnly":true,"more":{"a":[1]},"items":[{"row":1},{"row":2,"errorCode":"808"}],"rows":{"total":2,"wouldSucceed":1,"wouldFail":1}}`
	for name, c := range map[string]struct {
		status int
		answer string
		fails  bool
	}{
		"whole":                      {200, rows, false},
		"breaks off":                 {200, rows[:len(rows)-60], true},
		"breaks off before its end":  {200, rows[:len(rows)-1], true},
		"not a forecast":             {200, "<html>", true},
		"a gateway that only stores": {202, "", true},
	} {
		g := newGateway(t)
		g.mux.HandleFunc("POST /v1/devices", func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Prefer"); got != "validate-only" {
				t.Errorf("Prefer: %s", got)
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		})
		var seen []wire.UploadRow
		counts, err := g.client(t).Foresee(t.Context(), client.Submission{Own: true, Body: client.BytesBody(client.JSON, []byte("[]"))},
			func(row wire.UploadRow) error { seen = append(seen, row); return nil })
		if (err != nil) != c.fails || err == nil && (counts != (wire.ForecastCounts{Total: 2, WouldSucceed: 1, WouldFail: 1}) || len(seen) != 2 || seen[1].ErrorCode != "808") {
			t.Errorf("%s: %+v, %d rows, %v", name, counts, len(seen), err)
		}
	}
	enough := errors.New("enough")
	g := newGateway(t)
	g.mux.HandleFunc("POST /v1/devices", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, rows) })
	_, err := g.client(t).Foresee(t.Context(), client.Submission{Own: true, Body: client.BytesBody(client.JSON, []byte("[]"))}, func(wire.UploadRow) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("a reader that had enough: %v", err)
	}
}
