package gateway_test

import (
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/authz"
	"countersign/gateway"
	"countersign/gateway/intake"
	"countersign/models"
)

const eventsPath = "/v1/uploads/" + tracking + "/events"

// ticking gives so many looks at once and then no more.
func ticking(n int) func(*gateway.Deps) {
	return func(d *gateway.Deps) {
		d.Tick = func(time.Duration) (<-chan time.Time, func()) {
			ticks := make(chan time.Time, n)
			for range n {
				ticks <- time.Time{}
			}
			return ticks, func() {}
		}
	}
}

// going is an upload of four rows that is a row further at each look, and a second look
// at each row.
func (e *edge) going() {
	looks := 0
	e.status = func(scope intake.Scope, id models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
		if scope.Partner == "" || id != tracking {
			return intake.UploadStatus{}, nil, intake.ErrUploadNotFound
		}
		up := intake.UploadStatus{Upload: models.Upload{TrackingID: id, Kind: models.UploadRegister, State: models.UploadProcessing, RowCount: 4, OpenRows: max(0, 4-looks/2)}}
		if up.OpenRows == 0 {
			up.State = models.UploadFinished
		}
		looks++
		return up, nil, nil
	}
}

func TestProgress_isToldUntilTheEnd(t *testing.T) {
	t.Parallel()
	e := newEdge(t, ticking(20))
	e.going()
	resp, body := e.do("GET", eventsPath, "")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	var told []string
	for _, event := range strings.Split(strings.TrimSpace(body), "\n\n") {
		kind, data, _ := strings.Cut(event, "\n")
		open := ""
		if _, rest, ok := strings.Cut(data, `"open":`); ok {
			open, _, _ = strings.Cut(rest, ",")
		}
		told = append(told, kind+" "+open)
	}
	want := "retry: 2000 |event: progress 4|event: progress 3|event: progress 2|event: progress 1|event: end 0"
	if got := strings.Join(told, "|"); got != want {
		t.Errorf("told %s\nwant %s\n%s", got, want, body)
	}
}

func TestProgress_endsWith(t *testing.T) {
	t.Parallel()
	still := func(e *edge) {
		e.status = func(_ intake.Scope, id models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
			return intake.UploadStatus{Upload: models.Upload{TrackingID: id, State: models.UploadQueued, RowCount: 1, OpenRows: 1}}, nil, nil
		}
	}
	for name, prepare := range map[string]func(e *edge) (beats int){
		"the server's stop": func(e *edge) int { return 0 },
		"its token": func(e *edge) int {
			seen, verify := 0, e.verify
			e.verify = func(raw string) (authz.Principal, error) {
				if seen++; seen > 2 {
					return authz.Principal{}, errors.New("revoked")
				}
				return verify(raw)
			}
			return 2
		},
		"its time": func(*edge) int { return 40 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stops := name == "the server's stop"
			e := newEdge(t, ticking(1000), func(d *gateway.Deps) { d.Stopping = func() bool { return stops } })
			still(e)
			beats := prepare(e)
			_, body := e.do("GET", eventsPath, "")
			if got := strings.Count(body, ": still there"); got != beats || strings.Count(body, "event: progress") != 1 || strings.Contains(body, "event: end") {
				t.Errorf("%d beats, want %d: %s", got, beats, body)
			}
		})
	}
}

func TestProgress_ofAStrangersUpload(t *testing.T) {
	t.Parallel()
	e := newEdge(t, ticking(1))
	e.status = func(intake.Scope, models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
		return intake.UploadStatus{}, nil, intake.ErrUploadNotFound
	}
	resp, body := e.do("GET", eventsPath, "")
	refused(t, resp, body, 404, "upload_not_found")
	resp, body = e.do("GET", eventsPath+"?cursor=x", "")
	refused(t, resp, body, 400, "invalid_parameter")
}

// A client has so many streams, and each of them is given back when its reader is gone.
func TestProgress_isBounded(t *testing.T) {
	t.Parallel()
	e := newEdge(t, ticking(0))
	e.status = func(_ intake.Scope, id models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
		return intake.UploadStatus{Upload: models.Upload{TrackingID: id, State: models.UploadQueued}}, nil, nil
	}
	server := httptest.NewServer(e.handler)
	defer server.Close()
	open := func() *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+eventsPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer partner")
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	var streams []*http.Response
	for range 20 {
		streams = append(streams, open())
	}
	one := open()
	if one.StatusCode != 429 || one.Header.Get("Retry-After") == "" {
		t.Errorf("one more: %d %v", one.StatusCode, one.Header)
	}
	_ = one.Body.Close()
	var closing sync.WaitGroup
	for _, s := range streams {
		closing.Go(func() { _ = s.Body.Close() })
	}
	closing.Wait()
	for deadline := time.Now().Add(10 * time.Second); ; { // the server sees a reader go a moment later
		again := open()
		_ = again.Body.Close()
		if again.StatusCode == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no stream was given back")
		}
	}
}

// Who asks again and again is told how often it is worth it.
func TestPolling_isToldWhenToAskAgain(t *testing.T) {
	t.Parallel()
	for state, want := range map[models.UploadState]string{models.UploadQueued: "2", models.UploadProcessing: "2", models.UploadFinished: "", models.UploadFinishedWithErrors: ""} {
		e := newEdge(t)
		e.status = func(_ intake.Scope, id models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
			return intake.UploadStatus{Upload: models.Upload{TrackingID: id, State: state}}, nil, nil
		}
		if resp, body := e.do("GET", "/v1/uploads/"+tracking, ""); resp.StatusCode != 200 || resp.Header.Get("Retry-After") != want {
			t.Errorf("%s: %d %q %s", state, resp.StatusCode, resp.Header.Get("Retry-After"), body)
		}
	}
}
