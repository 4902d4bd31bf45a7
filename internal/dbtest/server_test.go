package dbtest

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestServerDiesWithTheTestProcess kills a test process the hard way and waits
// until its server and folder are gone.
func TestServerDiesWithTheTestProcess(t *testing.T) {
	t.Parallel()
	if os.Getenv(postgresEnv) != "" {
		return // there is no server of ours
	}
	child, url := startChild(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var data string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&data); err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, dirErr := os.Stat(filepath.Dir(data))
		if dirErr != nil && conn.Ping(ctx) != nil {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the server or its folder %s is still there", filepath.Dir(data))
		}
	}
	if again, err := pgx.Connect(ctx, url); err == nil {
		_ = again.Close(ctx)
		t.Error("the server still takes connections")
	}
}

// startChild runs this test program as one that only starts a server.
func startChild(t *testing.T) (*exec.Cmd, string) {
	t.Helper()
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
	t.Cleanup(func() { _ = stdin.Close() })
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	url, problem, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || problem != "<nil>" {
		_ = cmd.Process.Kill()
		t.Fatalf("the child said %q, %v", line, err)
	}
	return cmd, url
}

func TestMissingPostgresSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := findBinaries([]string{filepath.Join(t.TempDir(), "*")})
	if !errors.Is(err, errNoPostgres) || !strings.Contains(err.Error(), "install the PostgreSQL server") {
		t.Errorf("got %v", err)
	}
}

// What was committed is there after a crash, and a standby shows what its primary
// committed, until it is held.
func TestServerCrashesAndIsFollowed(t *testing.T) {
	t.Parallel()
	primary, err := StartServer("fsync=off", "synchronous_commit=on")
	if err != nil {
		t.Fatal(err)
	}
	defer primary.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	execute(ctx, t, primary.URL, "CREATE TABLE kept (n int)")
	execute(ctx, t, primary.URL, "INSERT INTO kept VALUES (1)")
	if err := primary.Crash(ctx); err != nil {
		t.Fatal(err)
	}
	if err := primary.Start(); err != nil {
		t.Fatal(err)
	}
	if n := number(ctx, t, primary.URL, "SELECT count(*) FROM kept"); n != 1 {
		t.Errorf("%d rows after the crash, want 1", n)
	}

	standby, err := primary.Standby("fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	defer standby.Close()
	follows := func() (bool, error) { return number(ctx, t, standby.URL, "SELECT count(*) FROM kept") == 1, nil }
	if err := poll(ctx, follows); err != nil {
		t.Fatal("the standby does not follow: ", err)
	}
	// The row may be from the copy that the standby began with.
	streams := func() (bool, error) {
		return number(ctx, t, standby.URL, "SELECT count(*) FROM pg_stat_wal_receiver") == 1, nil
	}
	if err := poll(ctx, streams); err != nil {
		t.Fatal("the standby does not stream: ", err)
	}
	if err := standby.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	execute(ctx, t, primary.URL, "INSERT INTO kept VALUES (2)")
	if n := number(ctx, t, standby.URL, "SELECT count(*) FROM kept"); n != 1 {
		t.Errorf("%d rows on a standby that is held, want 1", n)
	}
}

func execute(ctx context.Context, t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func number(ctx context.Context, t *testing.T, url, query string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
