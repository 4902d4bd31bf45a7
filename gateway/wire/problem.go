package wire

import (
	"fmt"
	"strings"
)

// MaxDescription is the most characters of a description (Partner Center, "Error codes").
const MaxDescription = 1024

// Problem is the body of every refusal but 429: Partner Center's members and those of
// RFC 9457 in one object.
type Problem struct {
	Code        string   `json:"code"`
	Description string   `json:"description"`
	Data        []string `json:"data,omitempty"` // one sentence per field
	Source      string   `json:"source"`

	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"`

	Reason    string         `json:"reason"` // our word for the code
	NextActor string         `json:"nextActor"`
	Retryable bool           `json:"retryable"`
	Docs      string         `json:"docs"`
	Errors    []FieldProblem `json:"errors,omitempty"`
}

// FieldProblem points at a part of the input.
type FieldProblem struct {
	Row   int    `json:"row,omitzero"` // 1-based
	Field string `json:"field,omitzero"`
	Cause string `json:"cause"`
}

// String is the sentence for Data.
func (f FieldProblem) String() string {
	var where []string
	if f.Row > 0 {
		where = append(where, fmt.Sprintf("row %d", f.Row))
	}
	if f.Field != "" {
		where = append(where, f.Field)
	}
	if len(where) == 0 {
		return f.Cause
	}
	return strings.Join(where, ", ") + ": " + f.Cause
}

// Throttled is the whole body of a 429. Partner Center's SDK for .NET hides
// Retry-After when it finds a code or a description.
type Throttled struct {
	StatusCode int    `json:"statusCode"`
	Message    string `json:"message"`
}

// OAuthError is the body of a refusal of the token endpoint (RFC 6749 section 5.2).
type OAuthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitzero"`
}

// Shorten cuts a sentence to MaxDescription characters.
func Shorten(s string) string {
	runes := []rune(s)
	if len(runes) <= MaxDescription {
		return s
	}
	return string(runes[:MaxDescription-1]) + "…"
}
