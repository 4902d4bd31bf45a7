package format_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/internal/errs"
)

// source is what both readers are.
type source interface {
	intake.Source
	Failure() error
}

// read takes all rows of a source.
func read(src source) (rows []intake.Row, err error) {
	for {
		row, err := src.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, row)
	}
}

func readJSON(t testing.TB, body string, bare bool) ([]intake.Row, string, error) {
	t.Helper()
	src := format.NewJSON(strings.NewReader(body), bare, 0)
	rows, err := read(src)
	checkDigest(t, src, body)
	return rows, src.BatchName(), err
}

func readCSV(t testing.TB, body, charset string) ([]intake.Row, error) {
	t.Helper()
	src := format.NewCSV(iotest.HalfReader(strings.NewReader(body)), charset, 0)
	rows, err := read(src)
	checkDigest(t, src, body)
	return rows, err
}

// checkDigest holds whether or not the body could be understood.
func checkDigest(t testing.TB, src source, body string) {
	t.Helper()
	want := sha256.Sum256([]byte(body))
	if got := src.Digest(); string(got) != string(want[:]) {
		t.Errorf("digest %x, want that of the whole body %x", got, want)
	}
}

// refused checks code and words of a refusal.
func refused(t testing.TB, err error, code string, words ...string) {
	t.Helper()
	e := errs.From(err)
	if err == nil || e.Code != code || e.Kind != errs.Invalid {
		t.Fatalf("got %v, want a refusal with code %s", err, code)
	}
	for _, word := range words {
		if !strings.Contains(e.Detail, word) {
			t.Errorf("the sentence %q does not name %q", e.Detail, word)
		}
	}
}

// zeros is an endless text that costs no memory.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// many is n bytes of digits.
func many(n int64) io.Reader { return io.LimitReader(zeros{}, n) }

// allocated is the memory that do asks for, in bytes. Tests that use it do not run
// beside others.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
