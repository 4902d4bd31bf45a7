//go:build !windows

package db

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A child that is being started has a copy of every open file until it runs its program.
func TestUnlock_freesCopiesToo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.lock")
	first, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := syscall.Dup(int(first.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(kept) }()
	if err := first.unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := lockFile(path)
	if err != nil {
		t.Fatalf("after it was unlocked: %v", err)
	}
	if err := again.unlock(); err != nil {
		t.Error(err)
	}
}
