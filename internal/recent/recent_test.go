package recent

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestCache(t *testing.T) {
	t.Parallel()
	now, asked := time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC), 0
	c := New[string, int](time.Second, 2, func() time.Time { return now })
	get := func(key string) int {
		t.Helper()
		n, err := c.Get(t.Context(), key, func(context.Context) (int, error) { asked++; return asked, nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 {
		if get("a") != 1 {
			t.Error("it was asked twice within a moment")
		}
	}
	now = now.Add(time.Second - 1)
	if get("a") != 1 {
		t.Error("it was forgotten too early")
	}
	now = now.Add(1)
	if get("a") != 2 {
		t.Error("an answer outlived the moment")
	}
	now = now.Add(-time.Hour)
	if get("a") != 3 {
		t.Error("an answer from the future was believed")
	}
	c.Clear()
	if get("a") != 4 {
		t.Error("it was known after Clear")
	}
	get("b")
	get("c") // one too many
	if len(c.kept) > 2 {
		t.Errorf("%d are kept", len(c.kept))
	}
}

// An answer counts from before it was asked for, and one from before a change is not kept.
func TestCache_whileItIsAsked(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC)
	c := New[string, int](time.Second, 10, func() time.Time { return now })
	slow := func(during func(), n int) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { during(); return n, nil }
	}
	_, _ = c.Get(t.Context(), "a", slow(func() { now = now.Add(2 * time.Second) }, 1))
	if n, _ := c.Get(t.Context(), "a", slow(func() {}, 2)); n != 2 {
		t.Error("an answer that took longer than its life was kept")
	}
	c.Clear()
	_, _ = c.Get(t.Context(), "a", slow(c.Clear, 3))
	if n, _ := c.Get(t.Context(), "a", slow(func() {}, 4)); n != 4 {
		t.Error("an answer from before a change was kept")
	}
	failed := errors.New("no")
	_, err := c.Get(t.Context(), "b", func(context.Context) (int, error) { return 0, failed })
	if n, again := c.Get(t.Context(), "b", slow(func() {}, 5)); !errors.Is(err, failed) || again != nil || n != 5 {
		t.Error("a failure was kept")
	}
}
