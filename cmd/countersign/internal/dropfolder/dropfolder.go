// Package dropfolder keeps the folder that others put files into: which of them are
// whole, and where they go when they are dealt with. It knows nothing of what is in them.
//
//	DIR/in       what waits; one level of folders inside tells apart whose it is
//	DIR/done     what went well
//	DIR/failed   what did not
//
// Moving is renaming, so that a file is in one place at every moment, also after a crash.
package dropfolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Where a file ends.
const (
	Done   = "done"
	Failed = "failed"
)

const waiting = "in"

// unfinished are the endings under which programs write what they rename later.
var unfinished = []string{".part", ".partial", ".tmp", ".filepart"}

// Folder is a watched folder.
type Folder struct{ root string }

// File is one that waits.
type File struct {
	Path    string
	Of      string // name of the folder inside DIR/in that it lies in; empty for DIR/in itself
	Changed time.Time
}

// Name is the file's own name.
func (f File) Name() string { return filepath.Base(f.Path) }

// Open makes what is missing of the folder.
func Open(root string) (*Folder, error) {
	for _, name := range []string{waiting, Done, Failed} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil { //nolint:gosec // others put the files there
			return nil, fmt.Errorf("the watched folder: %w", err)
		}
	}
	return &Folder{root}, nil
}

// Waiting lists the files that have not changed since the given time, the oldest first.
func (f *Folder) Waiting(since time.Time) ([]File, error) {
	in := filepath.Join(f.root, waiting)
	found, err := files(in, "", since)
	if err != nil {
		return nil, err
	}
	inside, err := os.ReadDir(in)
	if err != nil {
		return nil, err
	}
	for _, entry := range inside {
		if !entry.IsDir() || hidden(entry.Name()) {
			continue
		}
		more, err := files(filepath.Join(in, entry.Name()), entry.Name(), since)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		found = append(found, more...)
	}
	slices.SortStableFunc(found, func(a, b File) int { return a.Changed.Compare(b.Changed) })
	return found, nil
}

func files(dir, of string, since time.Time) (found []File, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || hidden(entry.Name()) || info.ModTime().After(since) {
			continue // gone meanwhile, a link or a device, being written
		}
		found = append(found, File{Path: filepath.Join(dir, entry.Name()), Of: of, Changed: info.ModTime()})
	}
	return found, nil
}

func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || slices.ContainsFunc(unfinished, func(end string) bool {
		return strings.HasSuffix(strings.ToLower(name), end)
	})
}

// Place is where a file of this name goes: one that nothing has.
func (f *Folder) Place(to string, file File) (string, error) {
	dir := filepath.Join(f.root, to, file.Of)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // others look for the results there
		return "", err
	}
	end := filepath.Ext(file.Name())
	stem := strings.TrimSuffix(file.Name(), end)
	for n := 1; ; n++ {
		name := file.Name()
		if n > 1 {
			name = fmt.Sprintf("%s-%d%s", stem, n, end)
		}
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		} else if err != nil {
			return "", err
		}
	}
}
