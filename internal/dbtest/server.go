package dbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
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
// input ends, which it does when the test process is gone, however it went. Until
// then it does what the lines of the pipe say. To crash is what pg_ctl stop -m
// immediate does: no checkpoint, no farewell, and a recovery at the next start.
const watchdog = `
trap '' HUP INT TERM
dir=$1 bin=$2 port=$3 primary=$4
shift 4
cd "$dir" || exit 1
start() {
	"$bin/postgres" -D data -p "$port" \
		-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=200 \
		-c timezone=Asia/Kathmandu "$@" </dev/null >>log 2>&1 &
	server=$!
}
crash() {
	kill -QUIT $server 2>/dev/null
	wait $server
}
if [ -n "$primary" ]; then
	"$bin/pg_basebackup" --pgdata=data --no-sync --checkpoint=fast --wal-method=stream --write-recovery-conf \
		--dbname="$primary" >log 2>&1 || echo FATAL: pg_basebackup failed >>log
else
	"$bin/initdb" --pgdata=data --no-sync --username=test --pwfile=password \
		--auth=password --encoding=UTF8 --locale=C >log 2>&1 || echo FATAL: initdb failed >>log
fi
start "$@"
while read -r order; do
	case $order in
	crash) crash ;;
	start) start "$@" ;;
	esac
done
crash
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
	s, err := StartServer(quick...)
	if err != nil {
		return "", err
	}
	lifeline = append(lifeline, s)
	return s.URL, nil
}

// Server is a private server of a test.
type Server struct {
	URL string // of the maintenance database

	dir  string
	pipe *os.File // the watchdog's standard input
}

// StartServer starts a private server with settings of its own, written
// name=value, beside PostgreSQL's defaults: durable, unless they say otherwise. It
// ends, and its data go, with Close or with this process. A port that somebody else
// took in between is tried again.
func StartServer(settings ...string) (*Server, error) { return startAs("", settings) }

// Standby starts a second server that follows this one by streaming, with settings
// of its own. It answers reads as soon as it has caught up with the present.
func (s *Server) Standby(settings ...string) (*Server, error) { return startAs(s.URL, settings) }

// Close ends the server and removes its data.
func (s *Server) Close() error { return s.pipe.Close() }

// Crash ends the server's processes at once, as pg_ctl stop -m immediate does. What
// was committed stays, if the settings make commits durable.
func (s *Server) Crash(ctx context.Context) error {
	if _, err := io.WriteString(s.pipe, "crash\n"); err != nil {
		return err
	}
	return poll(ctx, func() (bool, error) {
		_, err := os.Stat(filepath.Join(s.dir, "data", "postmaster.pid"))
		conn, dialled := pgx.Connect(ctx, s.URL)
		if dialled == nil {
			return false, conn.Close(ctx)
		}
		return err != nil, nil
	})
}

// CatchUp returns when a standby has replayed all that its primary has written.
func (s *Server) CatchUp(ctx context.Context, primary *Server) error {
	from, err := pgx.Connect(ctx, primary.URL)
	if err != nil {
		return err
	}
	defer from.Close(ctx)
	var end string
	if err := from.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&end); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, s.URL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return poll(ctx, func() (there bool, err error) {
		err = conn.QueryRow(ctx, "SELECT coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false)", end).Scan(&there)
		return there, err
	})
}

// Hold stops a standby's replay: from now on it shows the past, like a standby whose
// delay never ends.
func (s *Server) Hold(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.URL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT pg_wal_replay_pause()"); err != nil {
		return err
	}
	return poll(ctx, func() (held bool, err error) {
		err = conn.QueryRow(ctx, "SELECT pg_get_wal_replay_pause_state() = 'paused'").Scan(&held)
		return held, err
	})
}

// Start starts a server that crashed, and returns when it has recovered.
func (s *Server) Start() error {
	if _, err := io.WriteString(s.pipe, "start\n"); err != nil {
		return err
	}
	return awaitServer(s.URL, "")
}

func startAs(primary string, settings []string) (*Server, error) {
	bin, err := findBinaries(usualPlaces)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		s, err := tryServer(bin, primary, settings)
		if err == nil || try == 3 {
			return s, err
		}
	}
}

func tryServer(bin, primary string, settings []string) (*Server, error) {
	dir, password, err := serverDir()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, URL: fmt.Sprintf("postgres://test:%s@127.0.0.1:%s/postgres?sslmode=disable", password, port)}
	if primary != "" { // whose password the copy has
		u, err := url.Parse(primary)
		if err != nil {
			return nil, err
		}
		u.Host = "127.0.0.1:" + port
		s.URL = u.String()
	}
	if s.pipe, err = startWatchdog(dir, bin, port, primary, settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := awaitServer(s.URL, filepath.Join(dir, "log")); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// startWatchdog returns the pipe end that keeps the server alive.
func startWatchdog(dir, bin, port, primary string, settings []string) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	args := []string{"-c", watchdog, "countersign-test-postgres", dir, bin, port, primary}
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
// will. No log means that only time tells.
func awaitServer(base, log string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var text []byte
	var last error
	err := poll(ctx, func() (bool, error) {
		conn, err := pgx.Connect(ctx, base)
		if err == nil {
			return true, conn.Close(ctx)
		}
		last = err
		if log != "" {
			text, _ = os.ReadFile(log)
		}
		if strings.Contains(string(text), "FATAL:  could not") || strings.Contains(string(text), "FATAL: initdb") || strings.Contains(string(text), "FATAL: pg_basebackup") {
			return false, err
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("the PostgreSQL test server did not start: %w\n%s", errors.Join(err, last), text)
	}
	return nil
}

// poll asks again and again until the answer is yes or an error.
func poll(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if done, err := ask(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
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
