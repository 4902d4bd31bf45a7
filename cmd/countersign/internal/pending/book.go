package pending

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"countersign/cmd/countersign/internal/atomicfile"
)

// Target says which submission is meant. Two submissions are the same when every
// field is.
type Target struct {
	Gateway  string            `json:"gateway"`
	ClientID string            `json:"clientId"`
	Tenant   string            `json:"tenant"`
	Batch    string            `json:"batch"`
	Append   bool              `json:"append,omitzero"`
	Order    map[string]string `json:"order,omitempty"` // order data given with the call
	Strict   bool              `json:"strict,omitzero"`
	Digest   string            `json:"digest"` // SHA-256 of the file, hex
	// ExpectedDomain is the domain the customer must have.
	ExpectedDomain string `json:"expectedDomain,omitzero"`
	// Grant is the consent meant, when several let the caller act.
	Grant string `json:"grant,omitzero"`
}

// same compares by the written form: maps have no other.
func (t Target) same(other Target) bool {
	a, errA := json.Marshal(t)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// Entry is one submission of a file.
type Entry struct {
	Target
	RequestID    string    `json:"requestId"`
	CreatedAt    time.Time `json:"createdAt"`
	FileID       string    `json:"fileId,omitzero"`     // of a file that is sent in parts
	TrackingID   string    `json:"trackingId,omitzero"` // set once the gateway has accepted it
	Finished     bool      `json:"finished,omitzero"`
	Result       string    `json:"result,omitzero"`       // path of the result file
	ResultDigest string    `json:"resultDigest,omitzero"` // as we wrote it
}

// Book holds the submissions of one file, the newest last.
type Book struct {
	path    string
	entries []Entry
}

// keep bounds a book. What falls out is past any replay by then.
const keep = 50

type content struct {
	Version     int     `json:"version"`
	About       string  `json:"about"`
	Submissions []Entry `json:"submissions"`
}

const about = "countersign keeps this to continue a submission without sending it twice; delete it only when you mean to submit the file anew"

// PathFor is where the book of a file lies: .FILE.countersign.json beside it.
func PathFor(file string) string {
	return filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".countersign.json")
}

// Open reads the book of a file. One that cannot be read is an error, not an empty
// book: its file may have been submitted.
func Open(path string) (*Book, error) {
	b := &Book{path: path}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	var c content
	if err := json.Unmarshal(text, &c); err != nil || c.Version != 1 {
		return nil, fmt.Errorf("%s cannot be read; whether the file was submitted is unknown. Look at `countersign uploads`, then delete it", path)
	}
	b.entries = c.Submissions
	return b, nil
}

// Find returns the newest submission of a target.
func (b *Book) Find(t Target) (Entry, bool) {
	for i := len(b.entries) - 1; i >= 0; i-- {
		if b.entries[i].same(t) {
			return b.entries[i], true
		}
	}
	return Entry{}, false
}

// Wrote reports whether a file of this name and digest is a result we wrote.
func (b *Book) Wrote(result, digest string) bool {
	for _, e := range b.entries {
		if e.Result == result && e.ResultDigest == digest {
			return true
		}
	}
	return false
}

// Put adds a submission, or replaces the one of the same request id, and returns
// when it is on the disk.
func (b *Book) Put(e Entry) error {
	entries := make([]Entry, 0, len(b.entries)+1)
	for _, old := range b.entries {
		if old.RequestID != e.RequestID {
			entries = append(entries, old)
		}
	}
	entries = append(entries, e)
	if len(entries) > keep {
		entries = entries[len(entries)-keep:]
	}
	text, err := json.MarshalIndent(content{Version: 1, About: about, Submissions: entries}, "", "  ")
	if err != nil {
		return err
	}
	err = atomicfile.Write(b.path, 0o600, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
	if err != nil {
		return err
	}
	b.entries = entries
	return nil
}
