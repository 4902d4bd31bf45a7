package reportbook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/cmd/countersign/internal/atomicfile"
	"countersign/cmd/countersign/internal/pending"
)

// Name is what a book is called in its folder.
const Name = ".countersign-report.json"

// Target says where and how a report goes. A file reported to one target is not
// thereby reported to another.
type Target struct {
	Gateway  string            `json:"gateway"`
	ClientID string            `json:"clientId"`
	SoldTo   string            `json:"soldTo,omitzero"`
	Order    map[string]string `json:"order,omitempty"` // order data given with the call
}

func (t Target) key() string {
	text, _ := json.Marshal(t) // strings only: it cannot fail
	return string(text)
}

// Part is a run of keys of one file.
type Part struct {
	File   string `json:"file"`   // below the folder, with slashes
	Digest string `json:"digest"` // SHA-256 of the file, hex
	First  int    `json:"first,omitzero"`
	Keys   int    `json:"keys"`
	Of     int    `json:"of"` // keys in the whole file
}

// Group is one report: the keys of some files, in order.
type Group struct {
	Target
	RequestID   string    `json:"requestId"` // also the name of the bytes that are kept
	CreatedAt   time.Time `json:"createdAt"`
	ContentType string    `json:"contentType"`
	Digest      string    `json:"digest"` // SHA-256 of the bytes to send, hex
	Size        int64     `json:"size"`
	Parts       []Part    `json:"parts"`
	After       bool      `json:"after,omitzero"` // only when the reports before are finished: they hold the same machines

	TrackingID string `json:"-"` // once the gateway has accepted it
	Finished   bool   `json:"-"`
	dropped    bool
}

// Rows is how many keys the report has.
func (g *Group) Rows() (n int) {
	for _, p := range g.Parts {
		n += p.Keys
	}
	return n
}

// entry is one line of the file.
type entry struct {
	Version    int    `json:"version,omitzero"` // of the first line
	About      string `json:"about,omitzero"`
	Report     *Group `json:"report,omitempty"`
	RequestID  string `json:"requestId,omitzero"` // what the rest of the line is about
	TrackingID string `json:"trackingId,omitzero"`
	Finished   bool   `json:"finished,omitzero"`
	Dropped    bool   `json:"dropped,omitzero"` // refused for good: its files are as if never sent
}

const about = "countersign keeps this to continue reports without sending them twice; delete it only when you mean to report the whole folder anew"

// Book holds the reports of one folder, the newest last. It is locked while open.
type Book struct {
	folder string
	file   *os.File
	groups []*Group
	byID   map[string]*Group
}

// ErrBusy says that another process reports the same folder at this moment.
var ErrBusy = errors.New("another countersign is reporting this folder")

// Open reads the book of a folder, or begins one. A book that cannot be read is an
// error, not an empty book: its files may have been reported.
func Open(folder string) (*Book, error) {
	path := filepath.Join(folder, Name)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	b := &Book{folder: folder, file: file, byID: map[string]*Group{}}
	err = b.open()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return b, nil
}

func (b *Book) open() error {
	if errors.Is(pending.Lock(b.file), pending.ErrBusy) {
		return ErrBusy
	}
	text, err := io.ReadAll(b.file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1 // what follows is a line that was cut off
	for n, line := range bytes.Split(text[:whole], []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		if !b.read(line, n == 0) {
			return fmt.Errorf("%s cannot be read in line %d; what was reported is unknown. Look at `countersign uploads --kind report`, then delete it", b.file.Name(), n+1)
		}
	}
	if err := b.file.Truncate(int64(whole)); err != nil {
		return err
	}
	if _, err := b.file.Seek(int64(whole), io.SeekStart); err != nil {
		return err
	}
	if whole == 0 {
		if err := errors.Join(b.append(entry{Version: 1, About: about}), atomicfile.SyncFolder(b.folder)); err != nil {
			return err
		}
	}
	return b.sweep()
}

// read takes one line in.
func (b *Book) read(line []byte, first bool) bool {
	var e entry
	if json.Unmarshal(line, &e) != nil || first && e.Version != 1 {
		return false
	}
	if e.Report != nil {
		b.groups = append(b.groups, e.Report)
		b.byID[e.Report.RequestID] = e.Report
		return true
	}
	g := b.byID[e.RequestID]
	if g == nil {
		return first
	}
	if e.TrackingID != "" {
		g.TrackingID = e.TrackingID
	}
	g.Finished, g.dropped = g.Finished || e.Finished, g.dropped || e.Dropped
	return true
}

// append adds a line and returns when it is on the disk.
func (b *Book) append(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if _, err := b.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", b.file.Name(), err)
	}
	if err := b.file.Sync(); err != nil {
		return fmt.Errorf("write %s: %w", b.file.Name(), err)
	}
	return nil
}

// Close lets others at the folder.
func (b *Book) Close() error { return b.file.Close() }

// Groups are the reports to a target, the oldest first.
func (b *Book) Groups(t Target) []*Group {
	var groups []*Group
	key := t.key()
	for _, g := range b.groups {
		if !g.dropped && g.key() == key {
			groups = append(groups, g)
		}
	}
	return groups
}

// Begin writes a report down whose bytes were kept.
func (b *Book) Begin(g *Group) error {
	if err := b.append(entry{Report: g}); err != nil {
		return err
	}
	b.groups = append(b.groups, g)
	b.byID[g.RequestID] = g
	return nil
}

// Accepted writes down that the gateway has the report. Its bytes are not needed any
// more.
func (b *Book) Accepted(g *Group, tracking string) error {
	if err := b.append(entry{RequestID: g.RequestID, TrackingID: tracking}); err != nil {
		return err
	}
	g.TrackingID = tracking
	return b.forget(g)
}

// Finished writes down that every key of the report has an outcome.
func (b *Book) Finished(g *Group) error {
	if g.Finished {
		return nil
	}
	if err := b.append(entry{RequestID: g.RequestID, Finished: true}); err != nil {
		return err
	}
	g.Finished = true
	return nil
}

// Drop writes down that the gateway has refused the report for good and has nothing
// of it, so that its files count as never sent.
func (b *Book) Drop(g *Group) error {
	if err := b.append(entry{RequestID: g.RequestID, Dropped: true}); err != nil {
		return err
	}
	g.dropped = true
	return b.forget(g)
}

const spoolPrefix, spoolSuffix = ".countersign-report-", ".body"

// spoolPath is where the bytes of a report are kept.
func (b *Book) spoolPath(id string) string {
	return filepath.Join(b.folder, spoolPrefix+id+spoolSuffix)
}

func (b *Book) forget(g *Group) error {
	err := os.Remove(b.spoolPath(g.RequestID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// sweep removes bytes no report waits for: a crash came before the report was written
// down, or after it was accepted.
func (b *Book) sweep() error {
	files, err := os.ReadDir(b.folder)
	for _, file := range files {
		id, ok := strings.CutPrefix(file.Name(), spoolPrefix)
		if !ok {
			continue
		}
		if id, ok = strings.CutSuffix(id, spoolSuffix); !ok {
			continue
		}
		if g := b.byID[id]; g == nil || g.TrackingID != "" || g.dropped {
			err = errors.Join(err, os.Remove(filepath.Join(b.folder, file.Name())))
		}
	}
	return err
}
