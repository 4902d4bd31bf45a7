package devicefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
)

// ErrChanged says that a file is not what it was when it was inspected.
var ErrChanged = errors.New("the file was changed while it was sent")

// Body is the bytes of one call: the file as it is, or its list of devices with
// another container around it.
type Body struct {
	file           io.ReaderAt
	prefix, suffix []byte
	from, to       int64
	digest         string // of the file's part
}

// Body returns what to send to create a batch of this name; an empty one leaves
// the name a JSON file states.
func (f File) Body(r io.ReaderAt, batch string) (Body, error) {
	if f.Kind != JSON || !f.devices.bare && (batch == "" || batch == f.devices.name) {
		return f.whole(r)
	}
	name, err := json.Marshal(batch)
	if err != nil {
		return Body{}, err
	}
	b, err := f.part(r, f.devices.from, f.devices.to, `{"batchId":`+string(name)+`,"devices":`)
	b.suffix = []byte("}")
	return b, err
}

// AppendBody returns what to send to an existing batch: JSON is the bare list then.
func (f File) AppendBody(r io.ReaderAt) (Body, error) {
	if f.Kind != JSON {
		return f.whole(r)
	}
	return f.part(r, f.devices.from, f.devices.to, "")
}

// whole is the file as it is; a byte order mark is no part of any JSON.
func (f File) whole(r io.ReaderAt) (Body, error) {
	if f.Kind != CSV && f.BOM {
		return f.part(r, f.textStart(), f.Size, "")
	}
	return Body{file: r, to: f.Size, digest: f.Digest}, nil
}

func (f File) part(r io.ReaderAt, from, to int64, prefix string) (Body, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, from, to-from)); err != nil {
		return Body{}, err
	}
	return Body{file: r, prefix: []byte(prefix), from: from, to: to, digest: hex.EncodeToString(sum.Sum(nil))}, nil
}

// Size is the number of bytes.
func (b Body) Size() int64 { return int64(len(b.prefix)+len(b.suffix)) + b.to - b.from }

// Open reads the body from its beginning. A file that changes meanwhile gives
// ErrChanged before its last byte, so that the gateway never gets a whole body of
// two halves.
func (b Body) Open() (io.ReadCloser, error) {
	part := &watched{in: io.NewSectionReader(b.file, b.from, b.to-b.from), left: b.to - b.from, sum: sha256.New(), want: b.digest}
	return io.NopCloser(io.MultiReader(bytes.NewReader(b.prefix), part, bytes.NewReader(b.suffix))), nil
}

// watched checks a digest before it gives the last bytes away.
type watched struct {
	in   io.Reader
	left int64
	sum  hash.Hash
	want string
}

func (w *watched) Read(p []byte) (int, error) {
	if w.left == 0 {
		return 0, io.EOF
	}
	n, err := w.in.Read(p)
	w.sum.Write(p[:n])
	w.left -= int64(n)
	shorter := errors.Is(err, io.EOF) && w.left > 0
	if shorter || w.left == 0 && hex.EncodeToString(w.sum.Sum(nil)) != w.want {
		return 0, ErrChanged
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}
