package authz_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/authz"
)

func TestSealer(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s, err := authz.LoadSealer(folder)
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.Seal("a client secret", "tenant 1")
	if bytes.Contains(sealed, []byte("secret")) || bytes.Equal(sealed, s.Seal("a client secret", "tenant 1")) {
		t.Errorf("sealed as %q", sealed)
	}
	again, err := authz.LoadSealer(folder) // after a restart
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, "tenant 1"); err != nil || got != "a client secret" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := s.Open(sealed, "tenant 2"); err == nil {
		t.Error("it opens for another tenant")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := s.Open(changed, "tenant 1"); err == nil {
			t.Fatalf("it opens with byte %d changed", i)
		}
		if _, err := s.Open(sealed[:i], "tenant 1"); err == nil {
			t.Fatalf("it opens with %d bytes", i)
		}
	}
	other, err := authz.LoadSealer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(sealed, "tenant 1"); err == nil {
		t.Error("another key opens it")
	}
	values := map[string]bool{
		s.Derive("a", "b"): true, s.Derive("a", "c"): true, s.Derive("ab", ""): true, s.Derive("", "ab"): true,
		s.Derive("a:", "b"): true, s.Derive("a", ":b"): true, other.Derive("a", "b"): true,
	}
	if len(values) != 7 || s.Derive("a", "b") != again.Derive("a", "b") || len(s.Derive("a", "b")) != 43 {
		t.Errorf("derived %v", values)
	}
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); text != "sealer sealer sealer" {
		t.Errorf("%%v shows %s", text)
	}
}

func TestLoadSealer_refusesADamagedFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := authz.LoadSealer(folder); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "keys", "sign-in-seal")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := authz.LoadSealer(folder); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := authz.LoadSealer(folder); err == nil || !strings.Contains(err.Error(), "open to every user") {
		t.Errorf("got %v", err)
	}
}
