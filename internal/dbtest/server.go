package dbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// startTimeout is how long initdb and the start may take on a busy machine.
const startTimeout = 90 * time.Second

// errNoPostgres says what to do when there is nothing to start.
var errNoPostgres = errors.New("PostgreSQL's server programs (initdb, postgres) were not found: install the PostgreSQL server " +
	"(Debian: apt-get install postgresql; macOS: brew install postgresql), put its bin folder on PATH, or set " + postgresEnv)

// watchdog makes and runs the server and stays until the pipe on its standard
// input ends, which it does when the test process is gone, however it went.
const watchdog = `
trap '' HUP INT TERM
dir=$1 bin=$2 port=$3
shift 3
cd "$dir" || exit 1
"$bin/initdb" --pgdata=data --no-sync --username=test --pwfile=password \
	--auth=password --encoding=UTF8 --locale=C >log 2>&1 || echo FATAL: initdb failed >>log
"$bin/postgres" -D data -p "$port" \
	-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 \
	-c timezone=Asia/Kathmandu "$@" </dev/null >>log 2>&1 &
server=$!
cat >/dev/null
kill -QUIT $server 2>/dev/null
wait $server
cd / && rm -rf "$dir"
`

// quick makes a server that forgets everything when power fails.
var quick = []string{
	"fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off", "wal_level=minimal", "max_wal_senders=0",
}

// lifeline is the write end of the watchdog's pipe. It is never closed by hand
// and must not be collected.
var lifeline []io.Closer

// startServer starts a private server that dies with this process, and returns the
// URL of its maintenance database.
func startServer() (string, error) {
	base, stop, err := StartServer(quick...)
	if err == nil {
		lifeline = append(lifeline, stop)
	}
	return base, err
}

// StartServer starts a private server with settings of its own, written
// name=value, beside PostgreSQL's defaults: durable, unless they say otherwise. It
// returns the URL of the maintenance database and what ends the server and removes
// its data; that also happens when this process ends. A port that somebody else
// took in between is tried again.
func StartServer(settings ...string) (string, io.Closer, error) {
	bin, err := findBinaries(usualPlaces)
	if err != nil {
		return "", nil, err
	}
	for try := 1; ; try++ {
		base, stop, err := tryServer(bin, settings)
		if err == nil || try == 3 {
			return base, stop, err
		}
	}
}

func tryServer(bin string, settings []string) (string, io.Closer, error) {
	dir, password, err := serverDir()
	if err != nil {
		return "", nil, err
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	stop, err := startWatchdog(dir, bin, port, settings)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	base := fmt.Sprintf("postgres://test:%s@127.0.0.1:%s/postgres?sslmode=disable", password, port)
	if err := awaitServer(base, filepath.Join(dir, "log")); err != nil {
		return "", nil, errors.Join(err, stop.Close())
	}
	return base, stop, nil
}

// startWatchdog returns the pipe end that keeps the server alive.
func startWatchdog(dir, bin, port string, settings []string) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	args := []string{"-c", watchdog, "countersign-test-postgres", dir, bin, port}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	cmd := exec.Command("sh", args...)
	cmd.Stdin = read
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Dir = "/"
	if cmd.SysProcAttr, err = serverProcess(); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the PostgreSQL watchdog: %w", err), write.Close())
	}
	return write, cmd.Process.Release()
}

// serverDir makes the server's folder, with its password in it.
func serverDir() (dir, password string, err error) {
	if dir, err = os.MkdirTemp(serverBase(), "countersign-postgres-"); err != nil {
		return "", "", err
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	password = hex.EncodeToString(secret)
	file := filepath.Join(dir, "password")
	if err = os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		return "", "", err
	}
	return dir, password, giveAway(dir, file)
}

// awaitServer waits until the server lets us in, or its log says that it never
// will.
func awaitServer(base, log string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, base)
		if err == nil {
			return conn.Close(ctx)
		}
		text, _ := os.ReadFile(log)
		if dead := strings.Contains(string(text), "FATAL:  could not") || strings.Contains(string(text), "FATAL: initdb"); dead || ctx.Err() != nil {
			return fmt.Errorf("the PostgreSQL test server did not start: %w\n%s", err, text)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// freePort asks the kernel for a port that nobody uses.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// usualPlaces is where Debian, Red Hat and Homebrew put the server's programs.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin",
}

// findBinaries looks for the folder with initdb and postgres: PATH, pg_config,
// then the given places, newest first.
func findBinaries(places []string) (string, error) {
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range places {
		found, _ := filepath.Glob(pattern)
		slices.Reverse(found)
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		if isProgram(dir, "initdb") && isProgram(dir, "postgres") {
			return dir, nil
		}
	}
	return "", errNoPostgres
}

func isProgram(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
