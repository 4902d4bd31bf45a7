package gateway

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/zstd"
)

// Codings in which bodies of devices are taken (RFC 9110 section 8.4, RFC 8878), as
// Accept-Encoding of a refusal names them (RFC 7694 section 3).
const takenCodings = "gzip, zstd"

// Limits of what a compressed body may become. Hardware hashes shrink to a fifth and lists
// of serial numbers to a fortieth; what shrinks much further is made to fill a server.
// The size itself is limited where the body is read.
const (
	maxRatio   = 100
	freeOutput = 1 << 20 // bytes that any body may become
	maxWindow  = 8 << 20 // bytes a decoder keeps; what zstd's own tool asks of every decoder
)

// content is the body of a call that brings devices, decoded. Nothing is read yet.
func (s *server) content(c *gin.Context) (io.Reader, error) {
	r := c.Request
	if err := fits(r, s.Limits.Body); err != nil {
		return nil, err
	}
	coding := strings.ToLower(strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ",")))
	switch coding {
	case "":
		return r.Body, nil
	case "gzip", "x-gzip", "zstd":
		return newDecoder(r.Body, coding), nil
	}
	c.Writer.Header().Set("Accept-Encoding", takenCodings)
	return nil, errEncoding
}

// plainBody refuses bodies by their headers.
func plainBody(r *http.Request, limit int64) error {
	for _, coding := range r.Header.Values("Content-Encoding") {
		if coding != "" {
			return errEncoding
		}
	}
	return fits(r, limit)
}

func fits(r *http.Request, limit int64) error {
	if r.ContentLength > limit {
		return errBodyTooLarge.WithDetail("The body has %d bytes; this call takes at most %d. Split the call.", r.ContentLength, limit)
	}
	return nil
}

// decoder undoes a content coding. It opens at the first read, so that nothing is read of
// a call that is refused by its headers.
type decoder struct {
	body   *counted
	coding string
	plain  io.Reader
	given  int64
	err    error // sticky
}

func newDecoder(body io.Reader, coding string) *decoder {
	return &decoder{body: &counted{from: body}, coding: coding}
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.plain == nil {
		if d.err = d.open(); d.err != nil {
			return 0, d.err
		}
	}
	n, err := d.plain.Read(p)
	if d.given += int64(n); d.given > freeOutput && d.given > maxRatio*d.body.n {
		n, err = 0, errExpands
	}
	d.err = d.explain(err)
	return n, d.err
}

func (d *decoder) open() (err error) {
	if d.coding == "zstd" {
		// One goroutine and nothing to close: the reader is gone with the request.
		d.plain, err = zstd.NewReader(d.body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	} else {
		d.plain, err = gzip.NewReader(d.body)
	}
	return d.explain(err)
}

// explain tells a body that did not arrive from one that is not what its header says.
func (d *decoder) explain(err error) error {
	switch {
	case err == nil || errors.Is(err, errExpands):
		return err
	case d.body.err != nil && !errors.Is(d.body.err, io.EOF):
		return d.body.err
	case errors.Is(err, io.EOF) && d.plain != nil:
		return io.EOF
	}
	return errCoding.WithDetail("The body is not, or not to its end, %s as its Content-Encoding says. Nothing was stored. Send it again, or without Content-Encoding.", d.coding).
		WithCause(errors.New(err.Error())) // no longer an io.ErrUnexpectedEOF, which would be taken for a body that was cut on its way
}

// counted counts what was read of a body and keeps why reading ended.
type counted struct {
	from io.Reader
	n    int64
	err  error
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	c.err = err
	return n, err
}
