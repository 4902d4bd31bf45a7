package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"countersign/internal/errs"
)

// ErrNoServer says that no server listens on the socket.
var ErrNoServer = errors.New("no server is running on this data directory")

const (
	maxInput    = 1 << 20
	callTimeout = 30 * time.Second
)

// failure is an error on the socket.
type failure struct {
	Kind   errs.Kind `json:"kind"`
	Code   string    `json:"code"`
	Detail string    `json:"detail"`
}

// Listen opens the socket, replacing one that a dead server left behind. The
// caller holds the data directory for itself.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("operators' socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("operators' socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Serve answers commands until ctx ends.
func Serve(ctx context.Context, l net.Listener, table Table, log *slog.Logger) error {
	srv := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer(w, r, table, log)
		}),
	}
	stop := context.AfterFunc(ctx, func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(closing)
	})
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func answer(w http.ResponseWriter, r *http.Request, table Table, log *slog.Logger) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	input, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInput))
	if err != nil {
		reply(w, http.StatusBadRequest, failure{errs.Invalid, "bad_command", "The command could not be read."})
		return
	}
	out, err := table.Run(r.Context(), name, json.RawMessage(input))
	log.InfoContext(r.Context(), "operator's command", "command", name, "ok", err == nil)
	if err == nil {
		reply(w, http.StatusOK, out)
		return
	}
	e := errs.From(err)
	if e.Kind == errs.Internal {
		log.ErrorContext(r.Context(), "operator's command", "command", name, "error", err)
	}
	reply(w, http.StatusUnprocessableEntity, failure{e.Kind, e.Code, e.Detail})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller hung up; there is nobody to tell
}

// Call runs a command on the server behind the socket. It returns ErrNoServer
// when there is none.
func Call(ctx context.Context, path, name string, input any) (json.RawMessage, error) {
	body, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encode the input of %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://operators/"+name, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoServer
	}
	if err != nil {
		return nil, fmt.Errorf("speak to the server: %w", err)
	}
	defer res.Body.Close()
	return read(res)
}

func read(res *http.Response) (json.RawMessage, error) {
	out, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read the server's answer: %w", err)
	}
	if res.StatusCode == http.StatusOK {
		return out, nil
	}
	var f failure
	if err := json.Unmarshal(out, &f); err != nil || f.Code == "" {
		return nil, fmt.Errorf("the server answered %s", res.Status)
	}
	return nil, errs.New(f.Kind, f.Code, f.Detail)
}

func decodeStrict[T any](input json.RawMessage) (T, error) {
	var v T
	dec := json.NewDecoder(bytes.NewReader(input))
	dec.DisallowUnknownFields()
	return v, dec.Decode(&v)
}
