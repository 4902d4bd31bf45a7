//go:build !windows

package db

import (
	"errors"
	"os"
	"syscall"
)

// takeLock locks the open file, for as long as it stays open.
func takeLock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}

// giveLock unlocks the file, for whoever has a copy of it too.
func giveLock(file *os.File) error { return syscall.Flock(int(file.Fd()), syscall.LOCK_UN) }
