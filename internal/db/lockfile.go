package db

import (
	"errors"
	"fmt"
	"os"
)

// fileLock keeps a second process, or a second DB of this one, off an SQLite
// file. The empty lock file stays behind: removing it would race with another
// process that has just opened it.
type fileLock struct{ file *os.File }

// errHeld is what takeLock returns when somebody else holds the lock.
var errHeld = errors.New("held by another process")

// lockFile takes the lock or says at once who is in the way.
func lockFile(path string) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	if err := takeLock(file); err != nil {
		_ = file.Close()
		if errors.Is(err, errHeld) {
			return nil, fmt.Errorf("the database file is already in use (%s is locked): stop the other process first, or use PostgreSQL to run several", path)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &fileLock{file}, nil
}

// unlock frees the lock. Closing the file alone would leave it to a child process that is
// being started at this moment and has a copy of the file until it runs its program.
func (l *fileLock) unlock() error { return errors.Join(giveLock(l.file), l.file.Close()) }
