package format

import (
	"bufio"
	"bytes"
)

// maxText is just past the size of a device, so that a shortened text always makes its
// device too large. Numbers, words and blanks longer than that are refused.
const maxText = MaxDevice + 1

// shortener passes JSON through and keeps every token small, because the decoder
// holds a whole token in memory. Of a text longer than maxText it drops the rest; the
// device that holds it is past its size limit anyway, so what was dropped is never
// used. It cuts between characters only, so that sound JSON stays sound.
type shortener struct {
	in     *bufio.Reader
	text   bool // inside a text
	escape int  // bytes of an escape still to come
	hex    int  // digits of a \u escape seen so far
	high   bool // the last escape was the first half of a surrogate pair
	drop   bool
	run    int  // bytes since the text, or the run outside texts, began
	blank  bool // the run is of blanks
	passed int64
	lost   int64
	cuts   []cut
}

// cut remembers that bytes were dropped, to tell true positions.
type cut struct {
	at   int64 // position in what was passed on
	lost int64 // bytes dropped up to here, in all
}

func newShortener(in *input) *shortener { return &shortener{in: buffered(in, in.body)} }

// Read implements io.Reader.
func (s *shortener) Read(p []byte) (int, error) {
	for {
		if _, err := s.in.Peek(1); err != nil {
			return 0, err
		}
		window, _ := s.in.Peek(min(s.in.Buffered(), len(p))) // is in the buffer
		n, err := s.pass(p, window)
		_, _ = s.in.Discard(len(window))
		s.passed += int64(n)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// pass copies what is kept of window to p, which is at least as long.
func (s *shortener) pass(p, window []byte) (n int, err error) {
	for len(window) > 0 {
		if s.text && s.escape == 0 && s.run+len(window) <= maxText {
			plain := plainText(window)
			copy(p[n:], window[:plain])
			n, s.run, window = n+plain, s.run+plain, window[plain:]
			if plain > 0 {
				s.high = false
				continue
			}
		}
		b := window[0]
		window = window[1:]
		keep, err := s.step(b, int64(n))
		if err != nil {
			return n, err
		}
		if keep {
			p[n] = b
			n++
		}
	}
	return n, nil
}

// plainText counts the bytes before the next quotation mark or escape, looking a few
// hundred bytes ahead only, so that a text full of escapes is not searched again and
// again.
func plainText(window []byte) int {
	window = window[:min(len(window), 256)]
	if i := bytes.IndexByte(window, '"'); i >= 0 {
		window = window[:i]
	}
	if i := bytes.IndexByte(window, '\\'); i >= 0 {
		return i
	}
	return len(window)
}

// step takes one byte and reports whether to keep it; n bytes of this window were kept.
func (s *shortener) step(b byte, n int64) (keep bool, err error) {
	s.run++
	switch {
	case !s.text:
		return true, s.stepOutside(b)
	case s.escape > 0:
		s.stepEscape(b)
	case b == '"':
		if s.drop {
			s.cuts = append(s.cuts, cut{at: s.passed + n, lost: s.lost})
		}
		s.text, s.drop, s.run, s.blank = false, false, 0, false
		return true, nil
	default:
		first := b&0xC0 != 0x80 // not the middle of a UTF-8 sequence
		s.drop = s.drop || s.run > maxText && first && !s.high
		s.high = false
		if b == '\\' {
			s.escape, s.hex = 1, 0
		}
	}
	if s.drop {
		s.lost++
	}
	return !s.drop, nil
}

func (s *shortener) stepOutside(b byte) error {
	isBlank := b == ' ' || b == '\n' || b == '\r' || b == '\t'
	structural := b == '"' || b == ',' || b == ':' || b == '{' || b == '}' || b == '[' || b == ']'
	if structural || isBlank != s.blank {
		s.run, s.blank = 0, isBlank
	}
	s.text = b == '"'
	if s.run > maxText {
		return ErrMalformed.WithDetail("A number or a run of blanks is longer than %d bytes.", MaxDevice)
	}
	return nil
}

// stepEscape follows an escape, to tell the first half of a surrogate pair: cutting
// after it would break the text.
func (s *shortener) stepEscape(b byte) {
	s.escape--
	if s.hex == 0 && s.escape == 0 && b == 'u' {
		s.escape, s.hex = 4, 1
		return
	}
	switch s.hex {
	case 1:
		s.high = b|0x20 == 'd'
	case 2:
		s.high = s.high && (b == '8' || b == '9' || b|0x20 == 'a' || b|0x20 == 'b')
	}
	if s.hex > 0 {
		s.hex++
	}
}

// position translates a position in what was passed on into one in the body.
func (s *shortener) position(at int64) int64 {
	lost := int64(0)
	for _, c := range s.cuts {
		if c.at >= at {
			break
		}
		lost = c.lost
	}
	return at + lost
}
