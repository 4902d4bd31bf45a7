package redistest

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// startTimeout is how long a start may take on a busy machine.
const startTimeout = 60 * time.Second

// errNoServer says what to do when there is nothing to start.
var errNoServer = errors.New("neither redis-server nor valkey-server was found: install one (Debian: apt-get install redis-server; " +
	"macOS: brew install valkey) or put its folder on PATH")

// watchdog runs the server and stays until the pipe on its standard input ends,
// which it does when the test process is gone, however it went.
const watchdog = `
trap '' HUP INT TERM
dir=$1 program=$2
cd "$dir" || exit 1
"$program" "$dir/conf" </dev/null >log 2>&1 &
server=$!
cat >/dev/null
kill -KILL $server 2>/dev/null
wait $server
cd / && rm -rf "$dir"
`

// Server is a running server.
type Server struct {
	program  string
	dir      string
	addr     string // host:port on the loopback interface
	password string
	config   []string

	cmd      *exec.Cmd
	lifeline *os.File // the write end of the watchdog's pipe
}

func (s *Server) socket() string { return filepath.Join(s.dir, "s") }

// start runs a new server. A port that somebody else took in between is tried again.
func start(config []string) (*Server, error) {
	program, err := findServer()
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		s, err := newServer(program, config)
		if err == nil {
			err = s.Start()
		}
		if err == nil || try == 3 {
			return s, err
		}
	}
}

// findServer prefers Redis only because it is what most machines have.
func findServer() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoServer
}

func newServer(program string, config []string) (*Server, error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret)
	// A short name: the path of a socket is limited to 104 bytes on some systems.
	dir, err := os.MkdirTemp("", "cs-redis-")
	return &Server{program: program, dir: dir, addr: addr, password: hex.EncodeToString(secret), config: config}, err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Start runs the server where it was before, empty, after Kill. It returns when the
// server answers.
func (s *Server) Start() error {
	if err := s.configure(); err != nil {
		return err
	}
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	s.cmd = exec.Command("sh", "-c", watchdog, "countersign-test-redis", s.dir, s.program)
	s.cmd.Stdin, s.cmd.Dir, s.cmd.SysProcAttr = read, "/", ownSession()
	if err := s.cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start the Redis watchdog: %w", err), write.Close())
	}
	s.lifeline = write
	if err := s.await(); err != nil {
		return errors.Join(err, s.Kill())
	}
	return nil
}

func (s *Server) configure() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	lines := append([]string{
		"bind 127.0.0.1", "port " + port, "unixsocket " + s.socket(), "unixsocketperm 700", "dir " + s.dir,
		"requirepass " + s.password, `save ""`, "appendonly no", "daemonize no", fmt.Sprintf("databases %d", databases),
	}, s.config...)
	return os.WriteFile(filepath.Join(s.dir, "conf"), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// await asks until the server lets us in, or its log says that it never will.
func (s *Server) await() error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if s.Do("PING") == nil {
			return nil
		}
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		select {
		case <-tick.C:
			if !strings.Contains(string(log), "Failed listening") && !strings.Contains(string(log), "FATAL CONFIG") {
				continue
			}
		case <-deadline.C:
		}
		return fmt.Errorf("%v did not start\n%s", s, log)
	}
}

// Kill ends the server at once, as a crash would, and waits until it is gone.
func (s *Server) Kill() error {
	if s.lifeline == nil {
		return nil
	}
	err := s.lifeline.Close()
	s.lifeline = nil
	return errors.Join(err, s.cmd.Wait())
}

// Do sends a command and returns an error if the server does not take it. It needs
// no client library, so that tests of a client do not rest on it.
func (s *Server) Do(words ...string) error {
	conn, err := net.Dial("unix", s.socket())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	for _, line := range []string{"AUTH " + s.password, strings.Join(words, " ")} {
		if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
			return err
		}
		answer, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(answer, "-") {
			return fmt.Errorf("%s: %s", words[0], strings.TrimSpace(answer))
		}
	}
	return nil
}
