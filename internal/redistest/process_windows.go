//go:build windows

package redistest

import "syscall"

// ownSession has nothing to do; there is neither Redis nor a shell for the watchdog.
func ownSession() *syscall.SysProcAttr { return nil }
