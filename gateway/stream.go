package gateway

import (
	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// stream writes an answer of any length with little memory. Nothing is sent before
// its first few kilobytes, so that an early error still gets a body of its own.
type stream struct {
	enc *jsontext.Encoder
	err error // sticky
}

func newStream(c *gin.Context) *stream {
	return &stream{enc: jsontext.NewEncoder(lazyWriter{c})}
}

// lazyWriter sets the content type with the first bytes.
type lazyWriter struct{ c *gin.Context }

// Write implements io.Writer.
func (w lazyWriter) Write(p []byte) (int, error) {
	if !w.c.Writer.Written() {
		w.c.Writer.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	return w.c.Writer.Write(p)
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
