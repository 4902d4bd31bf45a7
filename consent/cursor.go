package consent

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"countersign/models"
)

// position is where a page ended. Rows never change the columns it names, so a
// list stays stable while rows come and go.
type position struct {
	at time.Time // created_at; zero for lists by id alone
	id string
}

// encode makes the position opaque and ties it to the list it belongs to: the
// same filter of the same viewer. It carries no right, since every page is scoped
// anew.
func (p position) encode(list ...string) string {
	raw := append([]byte{}, listTag(list)...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(p.at.UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(raw, p.id...))
}

// decodePosition reads what encode made; nil for an empty cursor, ErrCursor for
// anything that is not from this list.
func decodePosition(cursor string, list ...string) (*position, error) {
	if cursor == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	tag := listTag(list)
	if err != nil || len(raw) < len(tag)+8 || string(raw[:len(tag)]) != string(tag) {
		return nil, ErrCursor
	}
	at, id := binary.BigEndian.Uint64(raw[len(tag):]), string(raw[len(tag)+8:])
	if !models.ValidGUID(id) {
		return nil, ErrCursor
	}
	return &position{at: time.UnixMicro(int64(at)).UTC(), id: id}, nil
}

// listTag shortens what identifies a list.
func listTag(list []string) []byte {
	sum := sha256.Sum256([]byte(strings.Join(list, "\x00")))
	return sum[:8]
}

// pageSize brings a wished size into bounds; too large is cut, not refused.
func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultPage
	}
	return min(limit, MaxPage)
}
