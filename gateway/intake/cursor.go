package intake

import (
	"encoding/base64"
	"fmt"
)

// A cursor is the kind of its list and the place of the last item given out. Callers
// treat it as opaque.

// position is a place in a list of rows.
type position struct {
	upload  int64
	ordinal int
}

func encodeCursor(list string, at position) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s %d %d", list, at.upload, at.ordinal))
}

func decodeCursor(list, cursor string) (position, error) {
	if cursor == "" {
		return position{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return position{}, ErrCursor
	}
	var kind string
	var at position
	if n, err := fmt.Sscanf(string(raw), "%s %d %d", &kind, &at.upload, &at.ordinal); n != 3 || err != nil || kind != list || encodeCursor(kind, at) != cursor {
		return position{}, ErrCursor
	}
	return at, nil
}

// limit applies the default and the most a page may hold.
func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return 100
	case p.Limit > 1000:
		return 1000
	}
	return p.Limit
}

// cutPage cuts the one item off that was read to learn whether there are more.
func cutPage[T any](items []T, limit int) ([]T, bool) {
	if len(items) <= limit {
		return items, false
	}
	return items[:limit], true
}
