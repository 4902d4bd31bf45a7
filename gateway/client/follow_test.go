package client_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func TestFollowUpload(t *testing.T) {
	t.Parallel()
	const started = "retry: 2000\n\n: still there\n\nevent: progress\nid: 1\ndata: {\"trackingId\":\"t1\",\"state\":\"processing\",\"rows\":{\"open\":3}}\n\n"
	for name, c := range map[string]struct {
		answer string
		want   error
		state  string
	}{
		"to the end":   {started + "event: end\nid: 2\ndata: {\"trackingId\":\"t1\",\"state\":\"finished\"}\n\n", nil, "finished"},
		"breaks off":   {started, client.ErrStreamEnded, "processing"},
		"not a stream": {"<html>\ndata: {\n", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			g.mux.HandleFunc("GET /v1/uploads/t1/events", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, c.answer)
			})
			var seen []int
			up, err := g.client(t).FollowUpload(context.Background(), client.Owner{}, "t1", func(u wire.Upload) { seen = append(seen, u.Rows.Open) })
			if name == "not a stream" {
				if err == nil {
					t.Error("it was taken for one")
				}
				return
			}
			if !errors.Is(err, c.want) || up.State != c.state || !slices.Equal(seen, []int{3}) {
				t.Errorf("%+v, %v; seen %v", up, err, seen)
			}
		})
	}
}

// Who is refused a stream asks in another way, at once.
func TestFollowUpload_isAskedForOnce(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"route_not_found", "unavailable"} {
		g, asked := newGateway(t), 0
		no := refuse(word)
		g.mux.HandleFunc("GET /v1/uploads/t1/events", func(w http.ResponseWriter, r *http.Request) {
			asked++
			no(w, r)
		})
		if _, err := g.client(t).FollowUpload(context.Background(), client.Owner{}, "t1", nil); err == nil || asked != 1 {
			t.Errorf("%s: asked %d times, %v", word, asked, err)
		}
	}
}
