package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"countersign/authz"
	"countersign/gateway/status"
	"countersign/gateway/wire"
	"countersign/internal/db"
	"countersign/internal/errs"
)

// statusOf is the one place where an error becomes a status. Under /v1/customers a
// permanent refusal is never anything but 400, 401, 403, 404 or 409: Partner Center's
// SDK repeats whatever else it gets, body and all.
func statusOf(e *errs.Error, partnerCenter bool) int {
	switch e.Code {
	case errBodyTimeout.Code:
		return http.StatusRequestTimeout
	case errTusVersion.Code: // only a client that speaks tus gets it
		return http.StatusPreconditionFailed
	}
	if !partnerCenter {
		switch e.Code {
		case errMethod.Code:
			return http.StatusMethodNotAllowed
		case errMediaType.Code, errEncoding.Code:
			return http.StatusUnsupportedMediaType
		case errBodyTooLarge.Code:
			return http.StatusRequestEntityTooLarge
		}
	}
	return status.Of(e.Kind)
}

// publicCode returns what the table says of an error; a word that is not in it is
// shown as its kind.
func publicCode(e *errs.Error) wire.Code {
	if code, ok := wire.Lookup(e.Code); ok {
		return code
	}
	word := e.Kind.String()
	if e.Kind == errs.Unauthenticated {
		word = errInvalidToken.Code
	}
	code, ok := wire.Lookup(word)
	if !ok {
		code, _ = wire.Lookup("internal")
	}
	return code
}

// classify returns the public error inside err. A database that cannot serve now is a
// reason to come back, not a defect.
func classify(err error) *errs.Error {
	e := errs.From(err)
	if e.Kind == errs.Internal && db.IsUnavailable(err) {
		return errUnavailable.WithCause(err)
	}
	return e
}

// refuse writes the answer to an error and then reads what the sender is still
// writing: one that reads only after it has written everything would otherwise see a
// broken connection and try again.
func (s *server) refuse(c *gin.Context, x *exchange, r route, err error) {
	e := classify(err)
	x.refusal = e
	if x.gone = clientGone(c.Request.Context(), err); x.gone {
		panic(http.ErrAbortHandler)
	}
	h := c.Writer.Header()
	for _, stale := range []string{"ETag", "Location", "Operation-Location", "Preference-Applied", headerReplayed} {
		h.Del(stale)
	}
	if x.body.unread() {
		h.Set("Connection", "close")
	}
	if x.body.drainable() {
		_ = x.body.conn.EnableFullDuplex() // reading goes on after the answer; HTTP/2 needs no leave
	}
	if r.class == RateToken {
		s.writeOAuthError(c, e, err)
	} else {
		s.writeProblem(c, x, r, e)
	}
	if x.body.drainable() {
		c.Writer.Flush()
	}
	x.body.drain(s.Limits.DrainBytes, s.Limits.DrainTime)
}

// writeProblem writes headers and body of a refusal.
func (s *server) writeProblem(c *gin.Context, x *exchange, r route, e *errs.Error) {
	partnerCenter := onPartnerCenter(c.Request.URL.Path)
	status := statusOf(e, partnerCenter)
	code := publicCode(e)
	h := c.Writer.Header()
	s.setChallenge(h, x, status, code.Word, e.Detail, r.scope)
	setRetryAfter(h, status, e.RetryAfter)
	if e.Location != "" {
		h.Set("Location", e.Location)
	}
	if status == http.StatusTooManyRequests {
		writeJSON(c, status, "application/json; charset=utf-8", wire.Throttled{StatusCode: status, Message: e.Detail})
		return
	}
	contentType := "application/problem+json"
	if partnerCenter {
		contentType = "application/json; charset=utf-8"
	}
	writeJSON(c, status, contentType, s.problem(x, e, code, status))
}

// maxFieldProblems bounds the fields that one refusal lists.
const maxFieldProblems = 100

func (s *server) problem(x *exchange, e *errs.Error, code wire.Code, status int) wire.Problem {
	sentence := wire.Shorten(e.Detail)
	p := wire.Problem{
		Code: code.Number, Description: sentence, Source: "Countersign",
		Type: "urn:countersign:error:" + code.Word, Title: code.Title, Status: status, Detail: sentence,
		Instance: "urn:countersign:request:" + x.requestID,
		Reason:   code.Word, NextActor: code.NextActor, Retryable: code.Retryable,
		Docs: s.PublicURL + "/docs/errors#" + code.Word,
	}
	for _, f := range e.Fields[:min(len(e.Fields), maxFieldProblems)] {
		field := wire.FieldProblem{Row: f.Row, Field: f.Name, Cause: wire.Shorten(f.Cause)}
		p.Errors = append(p.Errors, field)
		p.Data = append(p.Data, field.String())
	}
	return p
}

// setChallenge writes the challenge of RFC 6750 section 3, or of RFC 9449 section 7.1 to
// who uses that, with the way to the authorization server (RFC 9728 section 5.1). Of the
// 403s only a missing scope has one: no other token would help with the rest.
func (s *server) setChallenge(h http.Header, x *exchange, status int, word, sentence, scope string) {
	var detail string
	aboutProof := word == authz.ErrInvalidProof.Code || word == authz.ErrUseNonce.Code
	switch {
	case word == errScopeMissing.Code:
		detail = fmt.Sprintf(`, error="insufficient_scope", error_description=%s, scope=%q`, quoted(sentence), scope)
	case status != http.StatusUnauthorized:
		return
	case aboutProof:
		detail = fmt.Sprintf(`, error=%q, error_description=%s`, word, quoted(sentence))
	case word != errTokenMissing.Code:
		detail = `, error="invalid_token", error_description=` + quoted(sentence)
	}
	detail += fmt.Sprintf(`, resource_metadata="%s%s"`, s.PublicURL, authz.ResourceMetadataPath)
	bearer := `Bearer realm="countersign"` + detail
	dpop := `DPoP realm="countersign"` + detail + fmt.Sprintf(`, algs="%s"`, strings.Join(authz.SigningAlgorithms(), " "))
	switch {
	case x.dpop || aboutProof:
		h.Set("WWW-Authenticate", dpop)
	case word == errTokenMissing.Code:
		h["Www-Authenticate"] = []string{bearer, dpop}
	default:
		h.Set("WWW-Authenticate", bearer)
	}
}

// quoted writes a sentence in the characters RFC 6750 section 3 allows.
func quoted(sentence string) string {
	return `"` + strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, sentence) + `"`
}

// setRetryAfter tells when to come back, in whole seconds, rounded up. A 429 without it
// makes Partner Center's SDK fail on its own.
func setRetryAfter(h http.Header, code int, after time.Duration) {
	switch {
	case code == http.StatusTooManyRequests || after > 0:
	case code == http.StatusServiceUnavailable:
		after = 5 * time.Second
	default:
		return
	}
	h.Set("Retry-After", status.Seconds(after))
}

// writeJSON writes a whole body with its length.
func writeJSON(c *gin.Context, status int, contentType string, v any) {
	writeBody(c, status, contentType, marshal(v))
}

func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("write an answer: %w", err))
	}
	return text
}

func writeBody(c *gin.Context, status int, contentType string, text []byte) {
	h := c.Writer.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(text)))
	c.Writer.WriteHeader(status)
	_, _ = c.Writer.Write(text) // a caller that is gone reads nothing
}
