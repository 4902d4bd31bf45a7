//go:build windows

package db

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// takeLock locks the open file, for as long as it stays open.
func takeLock(file *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, &windows.Overlapped{})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}

// giveLock has nothing to do: nobody else has a copy of the file, and closing it frees the
// lock.
func giveLock(*os.File) error { return nil }
