package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// childEnv makes the test program start a server, print where it is and wait.
const childEnv = "COUNTERSIGN_REDISTEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	s, err := common()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.dir)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// TestServerDiesWithTheTestProcess kills a test process the hard way and waits until
// its server and folder are gone.
func TestServerDiesWithTheTestProcess(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	dir := strings.TrimSpace(line)
	if err != nil || !strings.HasPrefix(dir, os.TempDir()) {
		_ = cmd.Process.Kill()
		t.Fatalf("the child said %q, %v", line, err)
	}
	conn, err := net.Dial("unix", (&Server{dir: dir}).socket())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server did not end: %v", err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.Tick(10 * time.Millisecond); ; <-tick {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", dir)
		}
	}
}

func TestServer_isKilledAndStartedAgainWhereItWas(t *testing.T) {
	t.Parallel()
	s := Start(t)
	if err := s.Do("SET", "a", "1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Do("PING"); err == nil {
		t.Fatal("a killed server answers")
	}
	before := s.URL()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.Do("PING"); err != nil || s.URL() != before {
		t.Errorf("started again on %s, before %s: %v", s, before, err)
	}
}

func TestURL_isADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	if a, b := URL(t), URL(t); a == b {
		t.Errorf("two tests got the same database %s", a)
	}
}

func TestMissingServerSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := findServer(); !errors.Is(err, errNoServer) || !strings.Contains(err.Error(), "apt-get install redis-server") {
		t.Errorf("got %v", err)
	}
}
