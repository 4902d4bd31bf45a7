package reportbook

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	"countersign/cmd/countersign/internal/atomicfile"
	"countersign/cmd/countersign/internal/factoryfile"
)

// Spool keeps the bytes of a report while they are gathered.
type Spool struct {
	book *Book
	file *os.File
	out  *bufio.Writer
	sum  hash.Hash
	size int64
}

// Spool begins to keep the bytes of the report with this request id.
func (b *Book) Spool(id string) (*Spool, error) {
	file, err := os.OpenFile(b.spoolPath(id), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	s := &Spool{book: b, file: file, sum: sha256.New()}
	s.out = bufio.NewWriterSize(file, 64<<10)
	return s, nil
}

// Write adds bytes.
func (s *Spool) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	s.sum.Write(p)
	return s.out.Write(p)
}

// Close puts the bytes on the disk and says which they are.
func (s *Spool) Close() (digest string, size int64, err error) {
	err = errors.Join(s.out.Flush(), s.file.Sync(), s.file.Close())
	if err == nil {
		err = atomicfile.SyncFolder(s.book.folder)
	}
	return hex.EncodeToString(s.sum.Sum(nil)), s.size, err
}

// Discard throws the bytes away.
func (s *Spool) Discard() error {
	return errors.Join(s.file.Close(), os.Remove(s.file.Name()))
}

// ErrLost says that the bytes of a report are not what was kept.
var ErrLost = errors.New("the kept bytes of a report are gone or changed")

// Bytes opens what was kept for a report; ErrLost when it is not what it was.
func (b *Book) Bytes(g *Group) (*os.File, error) {
	file, err := os.Open(b.spoolPath(g.RequestID))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrLost
	}
	if err != nil {
		return nil, err
	}
	digest, err := factoryfile.DigestOf(file)
	if err == nil && digest != g.Digest {
		err = ErrLost
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}
