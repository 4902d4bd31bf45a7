package devicefile_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"

	"countersign/cmd/countersign/internal/devicefile"
	"countersign/gateway/wire"
)

func inspect(t *testing.T, text string) (*bytes.Reader, devicefile.File) {
	t.Helper()
	r := bytes.NewReader([]byte(text))
	f, err := devicefile.Inspect(r, r.Size())
	if err != nil {
		t.Fatal(err)
	}
	return r, f
}

// result merges rows into a file.
func result(t *testing.T, text string, rows ...wire.UploadRow) (string, int) {
	t.Helper()
	r, f := inspect(t, text)
	var out strings.Builder
	guarded, err := devicefile.WriteResult(&out, r, f, of(rows...), false)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), guarded
}

func of(rows ...wire.UploadRow) devicefile.Rows {
	return iter.Seq2[wire.UploadRow, error](func(yield func(wire.UploadRow, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	})
}

// done is a row that is registered.
func done(n int) wire.UploadRow {
	yes := true
	return wire.UploadRow{Row: n, Status: "finished", OutcomeClass: "done", DeviceID: fmt.Sprintf("d-%d", n), Detail: "Registered.", NextActor: "nobody", SafeToRepeat: &yes}
}

func read(t *testing.T, b devicefile.Body) (string, error) {
	t.Helper()
	in, err := b.Open()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	return string(text), err
}

const added = "rowNumber,status,errorCode,errorDescription,outcomeClass,deviceId,explanation,nextActor,safeToRepeat"
