package rpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
	"countersign/registration/rpc"
)

// fake is a core that answers what a test says.
type fake struct {
	rpc.Core
	mu       sync.Mutex
	err      error
	panics   any
	got      models.Submission
	deadline time.Time
	skew     time.Duration
	works    int
}

func (f *fake) Register(ctx context.Context, s models.Submission) (models.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics != nil {
		panic(f.panics)
	}
	f.works++
	f.got = s
	f.deadline, _ = ctx.Deadline()
	answers := make([]models.Answer, len(s.Rows))
	for i, row := range s.Rows {
		answers[i] = models.Answer{Row: row.Row}
	}
	return models.Result{Answers: answers}, f.err
}

func (f *fake) Fence(context.Context, models.SubjectKind, string, int64) error { return f.err }

func (f *fake) Device(context.Context, registration.Scope, models.DeviceID) (registration.Device, error) {
	return registration.Device{}, f.err
}

func (f *fake) Clock(context.Context) (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return start.Add(f.skew), nil
}

var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func frozen(context.Context) (time.Time, error) { return start, nil }

// serve is a core behind TLS, and a client of it. The test may put something before
// the core.
func serve(t *testing.T, core rpc.Core, log *slog.Logger, o rpc.Options, before ...func(http.Handler) http.Handler) *rpc.Client {
	t.Helper()
	_, handler := rpc.NewHandler(core, log)
	for _, wrap := range before {
		handler = wrap(handler)
	}
	srv := httptest.NewUnstartedServer(handler)
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	trust := x509.NewCertPool()
	trust.AddCert(srv.Certificate())
	o.HTTP = rpc.NewLine(&tls.Config{RootCAs: trust, MinVersion: tls.VersionTLS13})
	t.Cleanup(o.HTTP.CloseIdleConnections)
	if o.Now == nil {
		o.Now = frozen
	}
	return rpc.NewClient(srv.URL, o)
}

var one = models.Submission{Upload: "u", Rows: []models.CoreRow{{Row: 1}}}

func TestErrorsOfTheCoreSurvive(t *testing.T) {
	t.Parallel()
	for kind := errs.Internal; kind <= errs.Unavailable; kind++ {
		want := errs.New(kind, "some_word", "A sentence.").WithRetryAfter(1500 * time.Millisecond).
			WithFields(errs.Field{Row: 3, Name: "serial", Cause: "empty"})
		cl := serve(t, &fake{err: want.WithCause(errors.New("SELECT secret"))}, nil, rpc.Options{})
		err := cl.Fence(t.Context(), models.SubjectOfGrant, "g", 1)
		got := errs.From(err)
		if got.Kind != kind || !errors.Is(err, want) || got.Detail != want.Detail || got.RetryAfter != want.RetryAfter || len(got.Fields) != 1 || got.Fields[0] != want.Fields[0] {
			t.Errorf("%s arrives as %+v", kind, got)
		}
		if strings.Contains(err.Error(), "SELECT") {
			t.Errorf("the cause travels: %v", err)
		}
	}
}

func TestNamedErrorsAreRecognised(t *testing.T) {
	t.Parallel()
	cl := serve(t, &fake{err: registration.ErrNoDevice}, nil, rpc.Options{})
	if _, err := cl.Device(t.Context(), registration.Scope{}, "d"); !errors.Is(err, registration.ErrNoDevice) {
		t.Errorf("%v is not ErrNoDevice", err)
	}
}

// An error that nobody made to be shown, or a panic, arrives without its words and is
// found in the core's log.
func TestNothingInternalLeavesTheCore(t *testing.T) {
	t.Parallel()
	for name, core := range map[string]*fake{
		"error": {err: errors.New("relation identities: SELECT")}, "panic": {panics: "index SELECT out of range"},
	} {
		var log lockedLog
		cl := serve(t, core, slog.New(slog.NewTextHandler(&log, nil)), rpc.Options{})
		_, err := cl.Register(t.Context(), one)
		if errs.KindOf(err) != errs.Internal || strings.Contains(err.Error(), "SELECT") {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(log.String(), "SELECT") || !strings.Contains(log.String(), "CoreService/Register") {
			t.Errorf("%s: the log says %s", name, log.String())
		}
	}
}

// Whatever stands between two programs may answer in the core's place. None of it is
// taken for the core's word.
func TestWhatIsNotTheCoreLeavesTheOutcomeOpen(t *testing.T) {
	t.Parallel()
	answers := map[string]http.HandlerFunc{
		"400":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"404":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"413":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestEntityTooLarge) },
		"200 page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>sign in</html>") },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"own code": func(w http.ResponseWriter, _ *http.Request) {
			connectError(w, `{"code":"invalid_argument","message":"no"}`)
		},
		"other kind": func(w http.ResponseWriter, _ *http.Request) { connectError(w, `{"code":"unimplemented"}`) },
		"cut":        func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, answer := range answers {
		cl := serve(t, &fake{}, nil, rpc.Options{}, func(http.Handler) http.Handler { return answer })
		err := cl.Fence(t.Context(), models.SubjectOfGrant, "g", 1)
		if e := errs.From(err); err == nil || e.Kind != errs.Unavailable || e.Code != "core_unavailable" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func connectError(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, body)
}

func TestDeadlinesTravel(t *testing.T) {
	t.Parallel()
	core := &fake{}
	cl := serve(t, core, nil, rpc.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, err := cl.Register(ctx, one); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(core.deadline); left > time.Hour || left < 59*time.Minute {
		t.Errorf("the core has %v left", left)
	}
	ctx, cancel = context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if err := cl.Fence(ctx, models.SubjectOfGrant, "g", 1); errs.KindOf(err) != errs.Unavailable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call without time left: %v", err)
	}
}

// A full dispatch with the longest hashes passes; a message above the limit is refused
// on this side of the line and is no word of the core.
func TestSizes(t *testing.T) {
	t.Parallel()
	core := &fake{}
	cl := serve(t, core, nil, rpc.Options{})
	sub := models.Submission{Upload: "u"}
	for i := range models.DispatchRows {
		sub.Rows = append(sub.Rows, models.CoreRow{Row: i + 1, Identity: models.DeviceIdentity{Hash: bytes.Repeat([]byte{byte(i)}, 4<<10)}})
	}
	res, err := cl.Register(t.Context(), sub)
	if err != nil || len(res.Answers) != models.DispatchRows || len(core.got.Rows) != models.DispatchRows {
		t.Fatalf("%d answers, %v", len(res.Answers), err)
	}
	sub.Rows[0].Identity.Hash = make([]byte, rpc.MaxMessage)
	if _, err := cl.Register(t.Context(), sub); errs.KindOf(err) != errs.Unavailable || core.works != 1 {
		t.Errorf("above the limit: %v after %d calls", err, core.works)
	}
}

// One handler serves any client: a person with curl sends JSON.
func TestPlainJSON(t *testing.T) {
	t.Parallel()
	path, handler := rpc.NewHandler(&fake{err: errs.New(errs.Invalid, "submission_invalid", "No.")}, nil)
	srv := httptest.NewServer(handler)
	defer srv.Close()
	res, err := http.Post(srv.URL+path+"Fence", "application/json", strings.NewReader(`{"kind":"grant","id":"g","minEpoch":"2"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct {
		Code    string
		Details []struct{ Debug struct{ Kind, Code string } }
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || res.StatusCode != http.StatusBadRequest {
		t.Fatalf("%s, %v", res.Status, err)
	}
	if body.Code != "invalid_argument" || len(body.Details) != 1 || body.Details[0].Debug.Code != "submission_invalid" {
		t.Errorf("%+v", body)
	}
}

func TestMethodNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	path, _ := rpc.NewHandler(&fake{}, nil)
	for called, want := range map[string]string{path + "Fence": "Fence", path + "Fences": "Fences", path + "Sack": "", path: "", "/": "", "/x/Fence": ""} {
		if got := rpc.Method(called); got != want {
			t.Errorf("%s is %q, want %q", called, got, want)
		}
	}
}

// lockedLog is written by the server and read by the test.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
