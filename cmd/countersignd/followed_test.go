package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/internal/tlstest"
)

func TestFollowed(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	now, text, broken := time.Unix(0, 0), "first", error(nil)
	reads := 0
	f := &followed[string]{
		name: "the file", now: func() time.Time { return now }, log: slog.New(slog.NewTextHandler(&log, nil)),
		read: func() (string, error) { reads++; return text, broken },
		same: func(a, b string) bool { return a == b },
	}
	look := func(after time.Duration, want string, wantReads int) {
		t.Helper()
		now = now.Add(after)
		got, err := f.current()
		if err != nil || got != want || reads != wantReads {
			t.Errorf("%q after %d reads, want %q after %d: %v", got, reads, want, wantReads, err)
		}
	}
	broken = errors.New("half a file")
	if _, err := f.current(); !errors.Is(err, broken) {
		t.Errorf("what was never read is %v", err)
	}
	broken = nil
	look(0, "first", 2) // an error is not kept
	text = "second"
	look(999*time.Millisecond, "first", 2)
	look(time.Millisecond, "second", 3)
	text, broken = "third", errors.New("half a file")
	look(time.Second, "second", 4)
	broken = nil
	look(time.Second, "third", 5)
	if n := strings.Count(log.String(), "the file has changed"); n != 2 {
		t.Errorf("%d changes in the log, want 2:\n%s", n, log.String())
	}
	if !strings.Contains(log.String(), "the file cannot be read again") {
		t.Errorf("nothing about the damage in the log:\n%s", log.String())
	}
}

// Who vouches for clients can be replaced while the server runs, and is never everybody whom
// the system trusts.
func TestMutual_followsTheAuthorities(t *testing.T) {
	t.Parallel()
	first, second := tlstest.NewAuthority(t, "first"), tlstest.NewAuthority(t, "second")
	file := t.TempDir() + "/ca.pem"
	put := func(from string) {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(first.File)
	c := defaults()
	c.ClientCA = file
	now := time.Unix(0, 0)
	authorities, err := c.authorities(func() time.Time { return now }, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	before := authorities()
	put(second.File)
	now = now.Add(time.Second)
	if after := authorities(); after == nil || after.Equal(before) {
		t.Error("the replaced authorities do not vouch")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Second)
	if after := authorities(); after == nil || after.Equal(before) {
		t.Error("without the file the last ones do not vouch")
	}
	c.ClientCA = file
	if _, err := c.authorities(time.Now, slog.New(slog.NewTextHandler(io.Discard, nil))); err == nil {
		t.Error("a server starts without the file of its authorities")
	}
}
