//go:build !windows

package e2e

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"countersign/consent"
	"countersign/internal/linear"
	"countersign/models"
	corev1 "countersign/registration/rpc/core/v1"
)

// witness stands between the gateways and the core and reads along: which work left
// under which epoch, and which fence was acknowledged. It changes nothing.
type witness struct {
	*httptest.Server

	mu     sync.Mutex
	sent   []linear.Request
	fenced []linear.Fenced
}

func newWitness(t *testing.T, core string) *witness {
	t.Helper()
	to, err := url.Parse(core)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{}
	pass := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 16},
		ErrorLog:  log.New(io.Discard, "", 0),
		// A core that does not answer looks to the gateway as it would without us: the
		// line is cut.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	w.Server = httptest.NewServer(http.HandlerFunc(func(res http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		switch {
		case strings.HasSuffix(req.URL.Path, "/Register"):
			w.register(body, func() bool { return serve(pass, res, req) })
		case strings.HasSuffix(req.URL.Path, "/Fence"):
			w.fence(body, func() bool { return serve(pass, res, req) })
		default:
			pass.ServeHTTP(res, req)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

// serve passes a call on and tells whether the core answered it with success.
func serve(pass http.Handler, res http.ResponseWriter, req *http.Request) (answered bool) {
	seen := &statusSeen{ResponseWriter: res}
	pass.ServeHTTP(seen, req)
	return seen.status == http.StatusOK
}

type statusSeen struct {
	http.ResponseWriter
	status int
}

func (s *statusSeen) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// register notes a request before it is passed on, and when the answer came. One
// without an answer may still be executed at any time.
func (w *witness) register(body []byte, pass func() bool) {
	var msg corev1.RegisterRequest
	if err := proto.Unmarshal(body, &msg); err != nil {
		panic(err)
	}
	a := msg.GetSubmission().GetAuthority()
	r := linear.Request{
		Grant: a.GetGrantId(), Upload: msg.GetSubmission().GetUpload(),
		Claimed: a.GetNotAfter().AsTime().Add(-consent.NotAfterBound).UnixNano(), Sent: wall(), Done: linear.Never,
	}
	for _, e := range a.GetEpochs() {
		if e.GetKind() == string(models.SubjectOfGrant) {
			r.Epoch = e.GetEpoch()
		}
	}
	w.mu.Lock()
	at := len(w.sent)
	w.sent = append(w.sent, r)
	w.mu.Unlock()
	if pass() {
		w.mu.Lock()
		w.sent[at].Done = wall()
		w.mu.Unlock()
	}
}

func (w *witness) fence(body []byte, pass func() bool) {
	var msg corev1.FenceRequest
	if err := proto.Unmarshal(body, &msg); err != nil {
		panic(err)
	}
	if pass() && msg.GetKind() == string(models.SubjectOfGrant) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fenced = append(w.fenced, linear.Fenced{Grant: msg.GetId(), MinEpoch: msg.GetMinEpoch(), At: wall()})
	}
}

// check judges what was seen against the core's record and the consent's history.
func (w *witness) check(t *testing.T, devices []linear.Registered, raised []linear.Raise) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := linear.CheckClaims(w.sent, raised); err != nil {
		t.Error(err)
	}
	if err := linear.CheckFences(devices, w.sent, w.fenced); err != nil {
		t.Error(err)
	}
	t.Logf("%d requests reached the core's side, %d fences were acknowledged", len(w.sent), len(w.fenced))
}

// wall is the clock of the history: that of this machine, which the databases read
// too. The run fails if it was set meanwhile.
func wall() int64 { return time.Now().UnixNano() }
