package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"countersign/cmd/countersign/internal/atomicfile"
	"countersign/cmd/countersign/internal/devicefile"
	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// writeResult counts the outcomes while it writes them beside the sender's rows.
func (s *submitter) writeResult(ctx context.Context, path string, r *report) error {
	result, err := s.resultPath(path)
	if err != nil {
		return err
	}
	rows := func(yield func(wire.UploadRow, error) bool) {
		for row, err := range s.client.UploadRows(ctx, client.Owner{}, s.entry.TrackingID, client.RowFilter{}) {
			if err == nil {
				r.add(row)
			}
			if !yield(row, err) {
				return
			}
		}
	}
	sum := sha256.New()
	guarded := 0
	err = atomicfile.Write(result, 0o644, func(w io.Writer) (err error) {
		guarded, err = devicefile.WriteResult(io.MultiWriter(w, sum), s.file, s.info, rows, s.options.failedOnly)
		return err
	})
	if err != nil {
		return fmt.Errorf("the upload is finished, but its result cannot be written: %w", err)
	}
	if guarded > 0 {
		s.app.say("%s: %d of your own cells look like formulas and got an apostrophe in the result; the gateway takes it off when you submit the result.", s.progress.name, guarded)
	}
	r.ResultFile, r.ExitCode = result, r.exitCode()
	s.entry.Finished, s.entry.Result, s.entry.ResultDigest = true, filepath.Base(result), hex.EncodeToString(sum.Sum(nil))
	return s.book.Put(s.entry)
}

// resultName is what our own results end in; a corrected one is the input of the next.
var resultName = regexp.MustCompile(`\.result(-\d+)?$`)

// resultPath is FILE.result.csv, or FILE.result-2.csv and so on when somebody has
// changed that file since we wrote it: corrections must not be lost.
func (s *submitter) resultPath(path string) (string, error) {
	if s.options.result != "" {
		return s.options.result, nil
	}
	stem := resultName.ReplaceAllString(strings.TrimSuffix(path, filepath.Ext(path)), "")
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s.result.%s", stem, s.info.Kind)
		if n > 1 {
			name = fmt.Sprintf("%s.result-%d.%s", stem, n, s.info.Kind)
		}
		if filepath.Clean(name) == filepath.Clean(path) {
			continue
		}
		digest, err := digestOf(name)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && s.book.Wrote(filepath.Base(name), digest):
			return name, nil
		case err != nil:
			return "", err
		}
	}
}

func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, file.Close())
}
