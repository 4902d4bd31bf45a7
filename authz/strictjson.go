package authz

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep the JSON of a token or key set may nest. Nothing we read
// needs more than three levels; the library would follow thousands.
const maxDepth = 8

var errNotStrict = errors.New("not one strict JSON object")

// readStrict decodes data, which must be exactly one JSON object, into dst and
// returns the folded names of its members. RFC 8725 section 2.7 and the history
// of parser differences are the reason: what one reader takes for the first
// member another takes for the last, or for the same in other letters.
// jsontext itself refuses duplicates, bad UTF-8 and anything after the object.
func readStrict(data []byte, dst any) (map[string]bool, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	if dec.PeekKind() != '{' {
		return nil, errNotStrict
	}
	names, err := walkObject(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errNotStrict
	}
	if err := json.Unmarshal(data, dst); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotStrict, err)
	}
	return names, nil
}

// walkObject consumes one object and refuses two members that differ only in
// case, at any level.
func walkObject(dec *jsontext.Decoder) (map[string]bool, error) {
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	names := make(map[string]bool, 10)
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		folded := foldName(name.String())
		if names[folded] {
			return nil, errNotStrict
		}
		names[folded] = true
		if err := walkValue(dec); err != nil {
			return nil, err
		}
	}
	_, err := dec.ReadToken()
	return names, err
}

func walkValue(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '{':
		if dec.StackDepth() >= maxDepth {
			return errNotStrict
		}
		_, err := walkObject(dec)
		return err
	case '[':
		if dec.StackDepth() >= maxDepth {
			return errNotStrict
		}
		return walkArray(dec)
	default:
		_, err := dec.ReadToken()
		return err
	}
}

func walkArray(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != ']' {
		if err := walkValue(dec); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// foldName maps names that any reader could take for each other to one text.
// Unicode's simple folding puts U+017F beside s and U+212A beside k, and so does
// encoding/json inside the token library.
func foldName(name string) string {
	if isASCII(name) {
		return strings.ToLower(name)
	}
	return strings.Map(func(r rune) rune {
		smallest := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			smallest = min(smallest, next)
		}
		return unicode.ToLower(smallest)
	}, name)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
