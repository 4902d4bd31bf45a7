package db_test

import (
	"bytes"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// cutter is a proxy that ends the first connection on which a statement passes.
type cutter struct {
	target    string
	statement string // as its text ends on the wire
	deliver   bool   // whether the server still gets it
	cut       sync.Once
}

// startCutter returns the URL of the database behind the proxy.
func startCutter(t *testing.T, target, statement string, deliver bool) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{target: u.Host, statement: statement + "\x00", deliver: deliver}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { c.serve(client) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	u.Host = l.Addr().String()
	return u.String()
}

// serve forwards one connection until either side ends it or it is cut.
func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.target)
	if err != nil {
		return
	}
	defer server.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			break
		}
		if bytes.Contains(buf[:n], []byte(c.statement)) && c.first() {
			if c.deliver {
				_ = client.Close() // first, so that the answer finds nobody
				_, _ = server.Write(buf[:n])
			}
			break
		}
		if _, err := server.Write(buf[:n]); err != nil {
			break
		}
	}
	_ = client.Close()
	if tcp, ok := server.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	back.Wait()
}

// first is true once.
func (c *cutter) first() bool {
	first := false
	c.cut.Do(func() { first = true })
	return first
}
