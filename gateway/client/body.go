package client

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Body is what a submission sends. It can be opened again for a repeat.
type Body struct {
	ContentType string // application/json, or text/csv with its charset
	Encoding    string // Content-Encoding of what Open gives: gzip, zstd, or empty
	Size        int64  // bytes; less than zero when unknown
	Open        func() (io.ReadCloser, error)
}

// Compressed sends the body with zstd, packed while it leaves. Hardware hashes shrink to a
// fifth. A repeat is the same call whether it comes packed or not.
func (b Body) Compressed() Body {
	open := b.Open
	b.Encoding, b.Size = "zstd", -1
	b.Open = func() (io.ReadCloser, error) {
		plain, err := open()
		if err != nil {
			return nil, err
		}
		packed, into := io.Pipe()
		go func() { into.CloseWithError(errors.Join(pack(into, plain), plain.Close())) }()
		return packed, nil
	}
	return b
}

// pack ends when everything was read or when nobody wants it any more.
func pack(into io.Writer, plain io.Reader) error {
	packer, err := zstd.NewWriter(into, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	_, err = io.Copy(packer, plain)
	return errors.Join(err, packer.Close())
}

// ReaderAtBody reads a part of a file or of memory. The reader stays open.
func ReaderAtBody(contentType string, r io.ReaderAt, size int64) Body {
	return Body{ContentType: contentType, Size: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(r, 0, size)), nil
	}}
}

// BytesBody sends bytes.
func BytesBody(contentType string, b []byte) Body {
	return ReaderAtBody(contentType, bytes.NewReader(b), int64(len(b)))
}

// bodyError marks a failure of the caller's own body, so that it is not taken for
// one of the network.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// markedBody marks the errors of a body.
type markedBody struct{ io.ReadCloser }

func (b markedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = &bodyError{err}
	}
	return n, err
}
