//go:build windows

package pending

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// takeLock locks a byte far behind the end of the file: Windows forbids others to
// read what is locked.
func takeLock(file *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: math.MaxInt32})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errHeld
	}
	return err
}
