//go:build !windows

package redistest

import "syscall"

// ownSession puts the watchdog into a session of its own, so that an interrupt at
// the terminal does not reach it before the pipe ends.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
