// Package redistest gives tests a private Redis or Valkey server, from the binary
// installed on the machine. URL hands out databases of one server per test process;
// Start runs a server of the test's own, which it may kill, pause and start again.
//
// A server listens on the loopback interface and on a socket, with a random
// password, and keeps nothing on disk. It dies with the test process, however that
// ends: a watchdog holds the read end of a pipe whose only write end the test
// process holds.
//
// A missing server fails the test: half a test run would look like a whole.
package redistest
