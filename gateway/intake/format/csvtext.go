package format

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// charsets are the encodings a sender may declare; nil stands for UTF-8.
var charsets = map[string]encoding.Encoding{
	"":             nil,
	"utf-8":        nil,
	"us-ascii":     nil,
	"windows-1252": charmap.Windows1252,
	"iso-8859-1":   charmap.Windows1252, // what is declared so hardly ever is anything else (WHATWG Encoding)
	"utf-16":       unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"utf-16le":     unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"utf-16be":     unicode.UTF16(unicode.BigEndian, unicode.UseBOM),
}

// KnownCharset reports whether a CSV may be declared to be in this charset.
func KnownCharset(name string) bool {
	_, ok := charsets[fold(name)]
	return ok
}

// decodeText returns the body as UTF-8 without its byte order mark, and whether it was
// anything else before.
func decodeText(body io.Reader, charset string) (text io.Reader, recoded bool, err error) {
	r := bufio.NewReaderSize(body, 64<<10)
	begin, err := r.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	enc := charsets[fold(charset)]
	switch {
	case bytes.HasPrefix(begin, []byte("\xEF\xBB\xBF")):
		_, _ = r.Discard(3)
		return r, false, nil
	case bytes.HasPrefix(begin, []byte("\xFF\xFE")), bytes.HasPrefix(begin, []byte("\xFE\xFF")):
		enc = charsets["utf-16"]
	}
	if enc == nil {
		return r, false, nil
	}
	return enc.NewDecoder().Reader(r), true, nil
}
