//go:build !windows

package dbtest

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// serverUser is whom the server runs as when the tests run as root, whom initdb
// refuses; nil when they do not.
func serverUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
		if err := errors.Join(errUID, errGID); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres or nobody: run the tests as another user, or set %s", postgresEnv)
}

// serverProcess puts the watchdog into a session of its own, so that an
// interrupt at the terminal does not reach it before the pipe ends.
func serverProcess() (*syscall.SysProcAttr, error) {
	credential, err := serverUser()
	return &syscall.SysProcAttr{Setsid: true, Credential: credential}, err
}

// giveAway hands files to the user the server runs as.
func giveAway(paths ...string) error {
	credential, err := serverUser()
	if err != nil || credential == nil {
		return err
	}
	for _, path := range paths {
		if err := os.Chown(path, int(credential.Uid), int(credential.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// serverBase is the folder the server's folder is made in; "" means the usual
// temporary folder. Another user must be able to reach and clean it.
func serverBase() string {
	const others = 0o007
	info, err := os.Stat(os.TempDir())
	if os.Geteuid() == 0 && (err != nil || info.Mode().Perm()&others != others) {
		return "/tmp"
	}
	return ""
}
