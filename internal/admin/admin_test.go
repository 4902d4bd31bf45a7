package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/admin"
	"countersign/internal/errs"
)

type greeting struct{ Name string }

var table = admin.Table{
	"greet": admin.Typed(func(_ context.Context, in greeting) (map[string]string, error) {
		if in.Name == "" {
			return nil, errs.New(errs.Invalid, "no_name", "A name is needed.")
		}
		return map[string]string{"hello": in.Name}, nil
	}),
	"break": admin.Typed(func(context.Context, struct{}) (any, error) {
		return nil, errors.New("pq: secret detail")
	}),
}

func start(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.sock")
	l, err := admin.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- admin.Serve(ctx, l, table, slog.New(slog.NewTextHandler(io.Discard, nil))) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return path
}

func TestCall(t *testing.T) {
	path := start(t)
	out, err := admin.Call(t.Context(), path, "greet", greeting{"Ada"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(out, &got); err != nil || got["hello"] != "Ada" {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestCall_refusals(t *testing.T) {
	path := start(t)
	for name, c := range map[string]struct {
		command string
		input   any
		want    errs.Kind
	}{
		"a refusal of the command": {"greet", greeting{}, errs.Invalid},
		"an unknown member":        {"greet", map[string]string{"Nmae": "x"}, errs.Invalid},
		"an unknown command":       {"nope", struct{}{}, errs.Invalid},
		"an unclassified error":    {"break", struct{}{}, errs.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := admin.Call(t.Context(), path, c.command, c.input)
			if errs.KindOf(err) != c.want {
				t.Errorf("kind %v, want %v (%v)", errs.KindOf(err), c.want, err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the cause came through: %v", err)
			}
		})
	}
}

func TestCall_nobodyListens(t *testing.T) {
	if _, err := admin.Call(t.Context(), filepath.Join(t.TempDir(), "x.sock"), "greet", nil); !errors.Is(err, admin.ErrNoServer) {
		t.Errorf("err = %v", err)
	}
	stale := filepath.Join(t.TempDir(), "stale.sock")
	l, err := admin.Listen(stale)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Call(t.Context(), stale, "greet", nil); !errors.Is(err, admin.ErrNoServer) {
		t.Errorf("stale socket: err = %v", err)
	}
}

func TestListen_onlyTheOwnerMayConnect(t *testing.T) {
	path := start(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %o, want 600", got)
	}
}
