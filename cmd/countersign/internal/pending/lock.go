package pending

import (
	"errors"
	"os"
)

// errHeld is what takeLock returns when somebody else holds the lock.
var errHeld = errors.New("held by another process")

// ErrBusy says that another process submits the same file at this moment.
var ErrBusy = errors.New("another countersign is submitting this file")

// Lock keeps two processes from submitting one file at once, for as long as the
// file stays open. Where the file system knows no locks there is none.
func Lock(file *os.File) error {
	if err := takeLock(file); errors.Is(err, errHeld) {
		return ErrBusy
	}
	return nil
}
