package format

import (
	"bufio"
	"io"
)

// shortener passes JSON through and keeps every token small, because the decoder
// holds a whole token in memory. Of a text longer than maxText it drops the middle;
// the device that holds it is past its size limit anyway, so what was dropped is
// never used. Blanks, numbers and words longer than that have no place in a body and
// are refused.
type shortener struct {
	in     *bufio.Reader
	state  textState
	run    int // bytes since the token began
	pos    int64
	cuts   []cut
	broken error
}

// maxText is just past the size of a device, so that a shortened text always makes its
// device too large.
const maxText = MaxDevice + 1

type textState uint8

const (
	outside textState = iota
	inBlank
	inWord
	inText
	escaped
)

// cut remembers that bytes were dropped, to tell true positions.
type cut struct {
	at      int64 // position in what was passed on
	dropped int64 // bytes dropped up to here, in all
}

func newShortener(in io.Reader) *shortener {
	return &shortener{in: bufio.NewReaderSize(in, 32<<10)}
}

// Read implements io.Reader.
func (s *shortener) Read(p []byte) (int, error) {
	for n := 0; ; {
		if s.broken != nil {
			return 0, s.broken
		}
		window, err := s.window(len(p))
		if err != nil {
			return 0, err
		}
		used := 0
		for _, b := range window {
			if s.step(b) {
				p[n] = b
				n++
			}
			used++
			if s.broken != nil {
				break
			}
		}
		_, _ = s.in.Discard(used) // they are in the buffer
		s.pos += int64(n)
		if n > 0 {
			return n, nil
		}
	}
}

// window waits for at least one byte and returns what is there, at most size bytes.
func (s *shortener) window(size int) ([]byte, error) {
	if _, err := s.in.Peek(1); err != nil {
		return nil, err
	}
	return s.in.Peek(min(s.in.Buffered(), size))
}
