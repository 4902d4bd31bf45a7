package gateway

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// body watches how far the body of a request was read, and gives up on one that falls
// silent.
type body struct {
	io.ReadCloser
	conn    *http.ResponseController
	idle    time.Duration
	size    int64 // as announced; -1 unknown
	waiting bool  // the sender waits for 100 Continue, which the first read sends
	read    int64
	began   bool
	ended   bool
	broken  bool // it came to a wrong end
}

func newBody(r *http.Request, conn *http.ResponseController, idle time.Duration) *body {
	return &body{
		ReadCloser: r.Body, conn: conn, idle: idle, size: r.ContentLength,
		waiting: strings.EqualFold(r.Header.Get("Expect"), "100-continue"),
		ended:   r.ContentLength == 0,
	}
}

// Read implements io.Reader. The deadline is the connection's own, so it is set by the
// real clock. The HTTP server lifts it at the end of the body; another one after that
// would end the request while it is worked on.
func (b *body) Read(p []byte) (int, error) {
	if b.ended {
		return 0, io.EOF
	}
	b.began = true
	_ = b.conn.SetReadDeadline(time.Now().Add(b.idle)) // not every test transport has one
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.broken = err != nil && !errors.Is(err, io.EOF)
	switch {
	case errors.Is(err, io.EOF):
		b.ended = true
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errBodyTimeout.WithCause(err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errBodyIncomplete.WithCause(err)
	}
	return n, err
}

// Announced is the size of the body in bytes, as its sender told it; less than zero when it
// did not.
func (b *body) Announced() int64 { return b.size }

// unread reports whether something of the body is still to come.
func (b *body) unread() bool { return !b.ended }

// drainable reports whether the sender may be writing now. One that waits for 100
// Continue is not, and reading would send it.
func (b *body) drainable() bool { return b.unread() && !b.broken && (!b.waiting || b.began) }

// drain reads what the sender is still writing, within limits, so that one that writes
// everything before it reads finds the answer and not a broken connection. The deadline
// holds for a sender that waits, too: the HTTP server looks for its body once more.
func (b *body) drain(limit int64, within time.Duration) {
	if b.broken {
		within = 0
	}
	if !b.unread() || b.conn.SetReadDeadline(time.Now().Add(within)) != nil || !b.drainable() {
		return
	}
	n, err := io.CopyN(io.Discard, b.ReadCloser, limit)
	b.read += n
	b.ended = errors.Is(err, io.EOF)
}
