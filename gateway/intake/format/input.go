package format

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"

	"countersign/internal/errs"
)

// The refusals of a body, matched by errors.Is.
var (
	ErrMalformed  = errs.New(errs.Invalid, "body_malformed", "The body cannot be read.")
	ErrTooLarge   = errs.New(errs.Invalid, "body_too_large", "The body is larger than one call may be.")
	ErrIncomplete = errs.New(errs.Invalid, "body_incomplete", "The body ended early. Nothing was stored; send it again.")
	ErrHeader     = errs.New(errs.Invalid, "csv_header", "The header line of the CSV cannot be used.")
)

// Limits of what is read.
const (
	DefaultMaxBody = 8 << 30  // bytes of a body
	MaxDevice      = 64 << 10 // bytes of one device, as JSON object or CSV line
	MaxCell        = 16 << 10 // bytes of one CSV cell
	MaxDepth       = 16       // of JSON, the body itself counted
)

// input is the body as it arrives: counted, limited and hashed.
type input struct {
	body io.Reader
	sum  hash.Hash
	left int64
	err  error // sticky
}

// readAhead is how much of a body is read at once.
const readAhead = 64 << 10

// buffered reads ahead, but makes no more room than a body that knows its size needs:
// most calls are small, and there are many of them.
func buffered(from io.Reader, body io.Reader) *bufio.Reader {
	size := int64(readAhead)
	if sized, ok := body.(interface{ Announced() int64 }); ok && sized.Announced() > 0 {
		size = min(size, sized.Announced()+1)
	}
	return bufio.NewReaderSize(from, int(size))
}

func newInput(body io.Reader, maxBody int64) *input {
	if maxBody <= 0 {
		maxBody = DefaultMaxBody
	}
	return &input{body: body, sum: sha256.New(), left: maxBody}
}

// Read implements io.Reader.
func (in *input) Read(p []byte) (int, error) {
	if in.err != nil {
		return 0, in.err
	}
	n, err := in.body.Read(p)
	in.sum.Write(p[:n])
	if in.left -= int64(n); in.left < 0 {
		in.err = ErrTooLarge
		return 0, in.err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrIncomplete.WithCause(err)
	}
	in.err = err
	return n, err
}

// digest reads the rest and returns the SHA-256 over all of it; nil when the body
// could not be read to its end.
func (in *input) digest() []byte {
	buf := spare.Get().(*[readAhead]byte)
	defer spare.Put(buf)
	for {
		if _, err := in.Read(buf[:]); errors.Is(err, io.EOF) {
			return in.sum.Sum(nil)
		} else if err != nil {
			return nil
		}
	}
}

// spare are buffers for bodies of which only the digest is wanted: io.Discard has small ones,
// and every read costs a look at the clock and a deadline.
var spare = sync.Pool{New: func() any { return new([readAhead]byte) }}

// failure returns why the body could not be read to its end, nil if it could or may
// still be.
func (in *input) failure() error {
	if errors.Is(in.err, io.EOF) {
		return nil
	}
	return in.err
}
