package gateway

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/internal/errs"
)

// maxOwnBody bounds the bodies of our own calls in bytes.
const maxOwnBody = 64 << 10

// decode reads the body of one of our own calls: exact names, no unknown member, none
// given twice, nothing after the end, and no product key.
func decode(c *gin.Context, into any) error {
	r := c.Request
	if err := plainBody(r, maxOwnBody); err != nil {
		return err
	}
	media, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" || options["charset"] != "" && !strings.EqualFold(options["charset"], "utf-8") {
		return errMediaType.WithDetail("Send the body as application/json in UTF-8.")
	}
	limited := &io.LimitedReader{R: r.Body, N: maxOwnBody + 1}
	body, err := io.ReadAll(limited)
	switch {
	case limited.N == 0:
		return errBodyTooLarge.WithDetail("The body is larger than the %d bytes this call takes.", maxOwnBody)
	case err != nil:
		return malformed(err)
	case intake.HoldsProductKey(string(body)):
		return format.ErrProductKey.WithDetail("The body holds a 5x5 product key. It is a secret, and nothing of the body was kept. Leave it out.")
	}
	return malformed(json.Unmarshal(body, into, json.RejectUnknownMembers(true)))
}

// decodeOptional is decode for a body that may be absent.
func decodeOptional(c *gin.Context, into any) error {
	if c.Request.ContentLength == 0 {
		return nil
	}
	return decode(c, into)
}

// malformed turns an error of the decoder into one that names member and cause, without
// the decoder's talk of Go types.
func malformed(err error) error {
	if err == nil {
		return nil
	}
	var known *errs.Error
	if errors.As(err, &known) {
		return known
	}
	var syntax *jsontext.SyntacticError
	var meaning *json.SemanticError
	where, cause := "", "the body ends too early"
	switch {
	case errors.Is(err, io.EOF):
		cause = "the body is empty"
	case errors.Is(err, json.ErrUnknownName) && errors.As(err, &meaning):
		where, cause = string(meaning.JSONPointer), "this call has no such member"
	case errors.As(err, &meaning):
		where, cause = string(meaning.JSONPointer), fmt.Sprintf("%s does not fit here", kindName(meaning.JSONKind))
	case errors.As(err, &syntax) && !errors.Is(err, io.ErrUnexpectedEOF):
		where, cause = string(syntax.JSONPointer), fmt.Sprintf("the JSON is broken at byte %d", syntax.ByteOffset)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			cause = "the member is given twice"
		}
	}
	if runes := []rune(where); len(runes) > 64 {
		where = string(runes[:64]) + "…"
	}
	if where == "" {
		where = "the body"
	}
	return errBodyMalformed.WithDetail("%s: %s.", where, cause).WithFields(errs.Field{Name: where, Cause: cause})
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "true or false"
	case '"':
		return "this text"
	case '0':
		return "this number"
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	return "this value"
}
