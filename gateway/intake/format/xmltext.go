package format

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
)

// declaration finds the encoding an XML text says it has.
var declaration = regexp.MustCompile(`^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']`)

// decodeXML returns an XML body as UTF-8. As XML over HTTP has it (RFC 7303 section 3),
// a byte order mark is stronger than the charset of the call, and that is stronger
// than the XML declaration.
func decodeXML(body io.Reader, charset string) (text io.Reader, recoded bool, err error) {
	r := bufio.NewReaderSize(body, 64<<10)
	begin, err := r.Peek(256)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	if charset == "" {
		if charset, err = declaredCharset(begin); err != nil {
			return nil, false, err
		}
	}
	return decodeText(r, charset)
}

func declaredCharset(begin []byte) (string, error) {
	switch {
	case bytes.HasPrefix(begin, []byte("<\x00")): // UTF-16 shows even without a mark
		return "utf-16le", nil
	case bytes.HasPrefix(begin, []byte("\x00<")):
		return "utf-16be", nil
	}
	found := declaration.FindSubmatch(begin)
	if found == nil {
		return "", nil
	}
	charset := fold(string(found[1]))
	if strings.HasPrefix(charset, "utf-16") {
		return "", nil // it can be read byte by byte, so it is not; programs that write XML to text declare so
	}
	if !KnownCharset(charset) {
		return "", ErrMalformed.WithDetail("The XML declares the encoding %q. Save it as UTF-8, UTF-16 or Windows-1252. Nothing was stored.", shown(charset))
	}
	return charset, nil
}

var errLongToken = errors.New("too long")

// tokens reads XML token by token. The decoder gets its bytes one by one and at most
// MaxDevice of them for a token, because it holds each token in memory.
type tokens struct {
	in   *bufio.Reader
	left int
	dec  *xml.Decoder
}

func newTokens(text io.Reader) *tokens {
	t := &tokens{in: bufio.NewReaderSize(text, 64<<10)}
	t.dec = xml.NewDecoder(t)
	// The text is UTF-8 by now, whatever its declaration says.
	t.dec.CharsetReader = func(string, io.Reader) (io.Reader, error) { return t, nil }
	return t
}

// next returns the next token; it is valid until the one after it.
func (t *tokens) next() (xml.Token, error) {
	t.left = MaxDevice
	return t.dec.Token()
}

// ReadByte implements io.ByteReader, which the decoder prefers to Read.
func (t *tokens) ReadByte() (byte, error) {
	if t.left <= 0 {
		return 0, errLongToken
	}
	t.left--
	return t.in.ReadByte()
}

// Read implements io.Reader.
func (t *tokens) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := t.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

func (t *tokens) line() int {
	line, _ := t.dec.InputPos()
	return line
}
