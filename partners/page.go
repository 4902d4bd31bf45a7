package partners

import (
	"encoding/base64"

	"countersign/models"
)

// Sizes of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Page asks for a part of a list: the rows after Cursor, which is what the page
// before returned, at most Limit of them. Zero values ask for the first page and
// DefaultPage. Lists are in order of id, so they stay stable while rows are added.
type Page struct {
	Cursor string
	Limit  int // more than MaxPage is cut to it
}

func (p Page) size() int {
	if p.Limit <= 0 {
		return DefaultPage
	}
	return min(p.Limit, MaxPage)
}

// after is the id the page starts behind; empty for the first.
func (p Page) after() (string, error) {
	if p.Cursor == "" {
		return "", nil
	}
	id, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || !models.ValidGUID(string(id)) && !validClientID(models.ClientID(id)) {
		return "", ErrCursor
	}
	return string(id), nil
}

// cut turns up to size+1 rows into a page and the cursor of the next one, empty
// after the last row.
func cut[T any](found []T, size int, id func(T) string) ([]T, string) {
	if len(found) <= size {
		return found, ""
	}
	found = found[:size]
	return found, base64.RawURLEncoding.EncodeToString([]byte(id(found[size-1])))
}
