package gateway

import (
	"bufio"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// stream writes an answer of any length with little memory. Nothing is sent before
// its first kilobytes, so that an early error still gets a body of its own.
type stream struct {
	c   *gin.Context
	buf *bufio.Writer
	enc *jsontext.Encoder
	err error // sticky
}

func newStream(c *gin.Context) *stream {
	s := &stream{c: c}
	s.buf = bufio.NewWriterSize(s, 16<<10)
	s.enc = jsontext.NewEncoder(s.buf)
	return s
}

// Write implements io.Writer for the buffer; it sets the content type with the first
// bytes.
func (s *stream) Write(p []byte) (int, error) {
	if !s.c.Writer.Written() {
		s.c.Writer.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	return s.c.Writer.Write(p)
}

func (s *stream) tokens(tokens ...jsontext.Token) {
	for _, t := range tokens {
		if s.err == nil {
			s.err = s.enc.WriteToken(t)
		}
	}
}

func (s *stream) value(v any) {
	if s.err == nil {
		s.err = json.MarshalEncode(s.enc, v)
	}
}

// member writes a name and its value.
func (s *stream) member(name string, v any) {
	s.tokens(jsontext.String(name))
	s.value(v)
}

// end closes the outermost object and sends the rest.
func (s *stream) end() error {
	s.tokens(jsontext.EndObject)
	if s.err == nil {
		s.err = s.buf.Flush()
	}
	return s.err
}
