package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"countersign/cmd/countersign/internal/factoryfile"
)

// reportSet is a folder with the files of it to report. Its book knows them however
// they were named, one by one or with the folder.
type reportSet struct {
	folder string
	names  []string // nil means every report there is
}

// reportSets sorts what was named on the command line by folders.
func reportSets(paths []string) ([]reportSet, error) {
	var sets []reportSet
	place := func(folder string) *reportSet {
		i := slices.IndexFunc(sets, func(s reportSet) bool { return s.folder == folder })
		if i < 0 {
			i = len(sets)
			sets = append(sets, reportSet{folder: folder, names: []string{}})
		}
		return &sets[i]
	}
	for _, path := range paths {
		if path == "-" {
			return nil, errors.New("report reads files and folders, not standard input: what was reported is kept beside them")
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, withoutKey(err)
		}
		switch {
		case info.IsDir():
			place(filepath.Clean(path)).names = nil
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("%s is neither a file nor a folder", factoryfile.WithoutKey(path))
		default:
			if set := place(filepath.Dir(path)); set.names != nil && !slices.Contains(set.names, filepath.Base(path)) {
				set.names = append(set.names, filepath.Base(path))
			}
		}
	}
	return sets, nil
}

// withoutKey takes a product key out of what the system says about a file's name.
func withoutKey(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && factoryfile.HoldsKey(path.Path) {
		return fmt.Errorf("%s: %w", factoryfile.WithoutKey(path.Path), path.Err)
	}
	return err
}

// title names the set to a person.
func (s reportSet) title() string {
	if len(s.names) == 1 {
		return factoryfile.WithoutKey(s.names[0])
	}
	return filepath.Base(s.folder)
}

// foundFile is a file to look at.
type foundFile struct {
	name     string // below the folder, with slashes
	modified time.Time
}

// files lists the files of the set, by the time they were written and then by name:
// a later file of a machine is its rework.
func (s reportSet) files(recursive bool) ([]foundFile, error) {
	var found []foundFile
	var err error
	if s.names != nil {
		found, err = s.named()
	} else {
		found, err = s.all(recursive)
	}
	if err != nil {
		return nil, withoutKey(err)
	}
	if len(found) == 0 {
		return nil, errors.New("there is no *.xml in this folder; use --recursive for the folders inside it, or name files")
	}
	slices.SortFunc(found, func(a, b foundFile) int {
		return cmp.Or(a.modified.Compare(b.modified), cmp.Compare(a.name, b.name))
	})
	return found, nil
}

func (s reportSet) named() ([]foundFile, error) {
	found := make([]foundFile, 0, len(s.names))
	for _, name := range s.names {
		info, err := os.Stat(s.path(name))
		if err != nil {
			return nil, err
		}
		found = append(found, foundFile{name, info.ModTime()})
	}
	return found, nil
}

func (s reportSet) all(recursive bool) ([]foundFile, error) {
	var found []foundFile
	err := filepath.WalkDir(s.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && path != s.folder
		switch {
		case entry.IsDir() && path != s.folder && (hidden || !recursive):
			return fs.SkipDir
		case entry.IsDir(), hidden, !strings.EqualFold(filepath.Ext(path), ".xml"):
			return nil
		}
		info, err := os.Stat(path) // follows a link
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(s.folder, path)
		found = append(found, foundFile{filepath.ToSlash(name), info.ModTime()})
		return err
	})
	return found, err
}

func (s reportSet) path(name string) string {
	return filepath.Join(s.folder, filepath.FromSlash(name))
}

// result is where the outcomes go.
func (s reportSet) result() string {
	name := "countersign-report"
	if len(s.names) == 1 {
		name = strings.TrimSuffix(s.names[0], filepath.Ext(s.names[0]))
	}
	return filepath.Join(s.folder, factoryfile.WithoutKey(name)+".result.csv")
}
