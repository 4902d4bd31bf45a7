package redistest

import (
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// databases is how many databases a server has, hence how many times one test
// process may ask for an empty one.
const databases = 10_000

// common is the server that tests share.
var common = sync.OnceValues(func() (*Server, error) { return start(nil) })

// taken counts the databases of the common server that were handed out.
var taken atomic.Int64

// URL returns the URL of an empty database of the server that the tests of one
// process share.
func URL(t testing.TB) string {
	t.Helper()
	s, err := common()
	if err != nil {
		t.Fatalf("start Redis for the tests: %v", err)
	}
	n := taken.Add(1)
	if n >= databases {
		t.Fatalf("%d databases were handed out, more than the server has", n)
	}
	return s.url("redis", s.addr, "/"+strconv.FormatInt(n, 10), "")
}

// Start runs a server of the test's own, with further lines of configuration. It is
// killed when the test ends.
func Start(t testing.TB, config ...string) *Server {
	t.Helper()
	s, err := start(config)
	if err != nil {
		t.Fatalf("start a Redis server: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Kill(); err != nil {
			t.Errorf("stop the Redis server: %v", err)
		}
	})
	return s
}

// URL returns the server's address on the loopback interface.
func (s *Server) URL() string { return s.url("redis", s.addr, "/0", "") }

// SocketURL returns the server's address on its socket.
func (s *Server) SocketURL() string { return s.url("unix", "", s.socket(), "db=0") }

func (s *Server) url(scheme, host, path, query string) string {
	u := url.URL{Scheme: scheme, User: url.UserPassword("default", s.password), Host: host, Path: path, RawQuery: query}
	return u.String()
}

// Addr returns the server's host and port.
func (s *Server) Addr() string { return s.addr }

// String names the server without its password.
func (s *Server) String() string { return fmt.Sprintf("redis on %s", s.addr) }
