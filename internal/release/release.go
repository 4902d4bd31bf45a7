package release

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Plan is a release to make.
type Plan struct {
	Root    string    // the repository
	Out     string    // folder for the archives; what is in it is replaced
	Version string    // as git describe prints it
	At      time.Time // of the commit; every file in the archives has it
	Log     io.Writer // one line for each archive
}

// extras are packed beside the programs.
var extras = []string{"LICENSE", "README.md"}

// Run builds, packs and lists checksums, and returns how many archives there are.
func Run(ctx context.Context, p Plan) (int, error) {
	if p.Version == "" || strings.ContainsAny(p.Version, "/\\ '\"") {
		return 0, fmt.Errorf("%q is no version", p.Version)
	}
	if err := os.RemoveAll(p.Out); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(p.Out, 0o755); err != nil {
		return 0, err
	}
	var sums strings.Builder
	for _, platform := range Platforms() {
		name, text, err := p.archive(ctx, platform)
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(filepath.Join(p.Out, name), text, 0o644); err != nil {
			return 0, err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), name)
		fmt.Fprintf(p.Log, "%s  %.1f MB\n", name, float64(len(text))/1e6)
	}
	return len(Platforms()), os.WriteFile(filepath.Join(p.Out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// archive builds for one platform and packs the result.
func (p Plan) archive(ctx context.Context, platform Platform) (name string, text []byte, err error) {
	work, err := os.MkdirTemp("", "countersign-release-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(work)
	if err := build(ctx, p.Root, p.Version, work, platform); err != nil {
		return "", nil, err
	}
	folder := "countersign-" + p.Version + "-" + platform.String()
	files, err := collect(folder, work, p.Root)
	if err != nil {
		return "", nil, err
	}
	pack, ending := writeTarGz, ".tar.gz"
	if platform.OS == "windows" {
		pack, ending = writeZip, ".zip"
	}
	var out bytes.Buffer
	err = pack(&out, files, p.At)
	return folder + ending, out.Bytes(), err
}

// collect reads the programs in a folder and what is packed beside them.
func collect(folder, programs, root string) ([]file, error) {
	entries, err := os.ReadDir(programs)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, e := range entries {
		body, err := os.ReadFile(filepath.Join(programs, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: folder + "/" + e.Name(), program: true, body: body})
	}
	for _, name := range extras {
		body, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		files = append(files, file{name: folder + "/" + name, body: body})
	}
	return files, nil
}
