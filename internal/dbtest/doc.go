// Package dbtest gives every test a fresh, migrated database of both kinds. It
// starts a private PostgreSQL server once per test process, from the binaries
// installed on the machine, and clones a migrated template for each test.
//
// The server listens on the loopback interface with a random password and keeps
// nothing on disk. It dies with the test process, however that ends: a watchdog
// holds the read end of a pipe whose only write end the test process holds.
//
// Set COUNTERSIGN_TEST_POSTGRES_URL to use a running server instead; its user
// needs the right to create databases. Templates (cs_template_…) stay there to
// be used again and may be dropped at any time.
//
// A missing PostgreSQL fails the test: half a test run would look like a whole.
package dbtest
