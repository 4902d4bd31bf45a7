//go:build windows

package dbtest

import (
	"errors"
	"syscall"
)

// serverProcess refuses: the watchdog is a shell script.
func serverProcess() (*syscall.SysProcAttr, error) {
	return nil, errors.New("the tests cannot start PostgreSQL on Windows: set " + postgresEnv)
}

// giveAway has nothing to do.
func giveAway(...string) error { return nil }

// serverBase is the usual temporary folder.
func serverBase() string { return "" }
