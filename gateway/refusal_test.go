package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/consent"
	"countersign/gateway"
	"countersign/gateway/intake"
)

const createPath = "/v1/customers/" + tenant + "/deviceBatches"

// refuses answers every upload without reading its body.
func refuses(e *edge) {
	e.accept = func(intake.Call, intake.Source) (intake.Accepted, error) {
		return intake.Accepted{}, consent.ErrNoConsent
	}
}

func dial(t *testing.T, e *edge) net.Conn {
	t.Helper()
	srv := httptest.NewServer(e.handler)
	t.Cleanup(srv.Close)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func head(length int, more string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer partner\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n", createPath, length, more)
}

func TestRefusal_reachesASenderThatWritesEverythingFirst(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{"no consent": "partner", "no token": "stranger"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			refuses(e)
			conn := dial(t, e)
			const size = 24 << 20 // more than all buffers on the way hold
			if _, err := io.WriteString(conn, strings.Replace(head(size, ""), "Bearer partner", "Bearer "+token, 1)); err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(conn, io.LimitReader(blanks{}, size)); n != size {
				t.Fatalf("the connection broke after %d bytes: %v", n, err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode/100 != 4 || !resp.Close || len(body) == 0 {
				t.Errorf("%d, close %t, %s, %v", resp.StatusCode, resp.Close, body, err)
			}
		})
	}
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestRefusal_isThereBeforeTheBodyIs(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	refuses(e)
	conn := dial(t, e)
	fmt.Fprint(conn, head(1<<30, ""), "{") // and nothing more
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 403 {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
}

func TestRefusal_stopsDrainingInTime(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]gateway.Limits{
		"by time":  {DrainTime: time.Millisecond},
		"by bytes": {DrainBytes: 1},
	} {
		e := newEdge(t, func(d *gateway.Deps) { d.Limits = limits })
		refuses(e)
		conn := dial(t, e)
		fmt.Fprint(conn, head(1<<30, ""), "{}")
		answer, err := io.ReadAll(conn) // ends when the server closes
		if err != nil && !errors.Is(err, net.ErrClosed) || !strings.HasPrefix(string(answer), "HTTP/1.1 403") {
			t.Errorf("%s: %v %.60s", name, err, answer)
		}
	}
}

func TestRefusal_comesInsteadOfContinue(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(d *gateway.Deps) { d.Limits.DrainTime = 20 * time.Millisecond })
	refuses(e)
	conn := dial(t, e)
	fmt.Fprint(conn, head(1000, "Expect: 100-continue\r\n"))
	answer, err := io.ReadAll(conn) // ends when the server closes, which it must although no body comes
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 403") || strings.Contains(string(answer), "100 Continue") {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestExpectContinue_isSentWhenTheBodyIsWanted(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	var calls []intake.Call
	var rows []intake.Row
	e.accepts(&calls, &rows)
	conn := dial(t, e)
	fmt.Fprint(conn, head(len(sdkBody), "Expect: 100-continue\r\n"))
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q, %v", line, err)
	}
	_, _ = in.ReadString('\n')
	fmt.Fprint(conn, sdkBody)
	if line, err = in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 202") {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestBody_thatFallsSilentIsGivenUp(t *testing.T) {
	t.Parallel()
	e := newEdge(t, func(d *gateway.Deps) { d.Limits.BodyIdle = 20 * time.Millisecond })
	var calls []intake.Call
	var rows []intake.Row
	e.accepts(&calls, &rows)
	conn := dial(t, e)
	fmt.Fprint(conn, head(1000, ""), sdkBody[:50])
	answer, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(answer), "HTTP/1.1 408") || !strings.Contains(string(answer), "body_timeout") {
		t.Errorf("%s", answer)
	}
}

// The silence is over with the body: what is done with it may take its time.
func TestBody_deadlineEndsWithTheBody(t *testing.T) {
	t.Parallel()
	const idle = 20 * time.Millisecond
	e := newEdge(t, func(d *gateway.Deps) { d.Limits.BodyIdle = idle })
	inner := e.handler
	ended := make(chan error, 1)
	e.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		select {
		case <-r.Context().Done():
			ended <- context.Cause(r.Context())
		case <-time.After(5 * idle):
			ended <- nil
		}
	})
	e.accept = func(_ intake.Call, src intake.Source) (intake.Accepted, error) {
		src.Digest()
		return intake.Accepted{}, nil
	}
	e.ask = func(consent.Actor, consent.NewRequest) (consent.Asked, error) {
		return consent.Asked{ConsentRequest: sampleRequest()}, nil
	}
	for path, body := range map[string]string{createPath: sdkBody, "/v1/consents": `{"tenant":"x"}`} {
		conn := dial(t, e)
		fmt.Fprint(conn, strings.Replace(head(len(body), ""), createPath, path, 1), body)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode/100 != 2 {
			t.Fatalf("%s: %v %v", path, resp, err)
		}
		resp.Body.Close()
		if err := <-ended; err != nil {
			t.Errorf("%s: the request ended with %v", path, err)
		}
	}
}

func TestClientThatHangsUp_isNobodysFailure(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	e.accept = func(intake.Call, intake.Source) (intake.Accepted, error) {
		return intake.Accepted{}, fmt.Errorf("read: %w", context.Canceled)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", createPath, strings.NewReader(sdkBody))
	r.Header.Set("Authorization", "Bearer partner")
	r.Header.Set("Content-Type", "application/json")
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("the connection was not given up")
			}
		}()
		e.handler.ServeHTTP(httptest.NewRecorder(), r)
	}()
	if line := e.log.String(); !strings.Contains(line, `"status":499`) || strings.Contains(line, "ERROR") {
		t.Error(line)
	}
}
