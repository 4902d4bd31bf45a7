package devicefile_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/cmd/countersign/internal/devicefile"
)

const outcomeOfRow1 = `"countersign":{"rowNumber":1,"status":"finished","errorCode":"","errorDescription":"","outcomeClass":"done","deviceId":"d-1","explanation":"Registered.","nextActor":"nobody","safeToRepeat":true}`

func TestWriteResult_json(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"a list": {`[ {"SerialNumber":"S1", "Policies": null} ]`, "[\n" + `{"SerialNumber":"S1","Policies":null,` + outcomeOfRow1 + "}\n]"},
		"a batch, members around it stay": {
			`{"BatchId":"b","devices":[{}],"Attributes":{"ObjectType":"x"}}`,
			`{"BatchId":"b","devices":` + "[\n{" + outcomeOfRow1 + "}\n]" + `,"Attributes":{"ObjectType":"x"}}`,
		},
		"a former result is replaced": {`[{"countersign":{"rowNumber":9},"SerialNumber":"S1"}]`, "[\n" + `{"SerialNumber":"S1",` + outcomeOfRow1 + "}\n]"},
		"what is no device":           {`[7]`, "[\n{" + outcomeOfRow1 + `,"value":7}` + "\n]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := result(t, c.in, done(1))
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if !json.Valid([]byte(got)) {
				t.Error("not JSON")
			}
		})
	}
}

func TestBody_json(t *testing.T) {
	t.Parallel()
	const list = `[ {"SerialNumber":"S1"} ]`
	for name, c := range map[string]struct{ in, batch, create, add string }{
		"a list gets a container":         {" " + list, `north "1"`, `{"batchId":"north \"1\"","devices":` + list + `}`, list},
		"a batch is sent as it is":        {`{"X":1,"BatchId":"b","Devices":` + list + `}`, "", `{"X":1,"BatchId":"b","Devices":` + list + `}`, list},
		"a batch of the same name, too":   {`{"BatchId":"b","Devices":` + list + `}`, "b", `{"BatchId":"b","Devices":` + list + `}`, list},
		"another name replaces the one":   {`{"BatchId":"b","Devices":` + list + `}`, "c", `{"batchId":"c","devices":` + list + `}`, list},
		"a byte order mark is not JSON's": {"\uFEFF" + `{"BatchId":"b","Devices":` + list + `}`, "", `{"BatchId":"b","Devices":` + list + `}`, list},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := inspect(t, c.in)
			create, err := f.Body(r, c.batch)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := read(t, create); got != c.create || err != nil || create.Size() != int64(len(c.create)) {
				t.Errorf("create: %s (%d), %v", got, create.Size(), err)
			}
			add, err := f.AppendBody(r)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := read(t, add); got != c.add || err != nil || add.Size() != int64(len(c.add)) {
				t.Errorf("append: %s (%d), %v", got, add.Size(), err)
			}
		})
	}
}

func TestInspect_refuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"nothing":            {"", "empty"},
		"blanks":             {" \r\n", "empty"},
		"cut JSON":           {`[{"SerialNumber":"S1"}`, "too early"},
		"broken JSON":        {`[{"SerialNumber":"S1",}]`, "near byte"},
		"no devices":         {`{"BatchId":"b"}`, "devices"},
		"devices twice":      {`{"devices":[],"Devices":[]}`, "twice"},
		"devices no list":    {`{"devices":{}}`, "not a list"},
		"more than one list": {`[][]`, "follows"},
		"JSON in UTF-16":     {"\xff\xfe[\x00]\x00", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := strings.NewReader(c.in)
			if _, err := devicefile.Inspect(r, r.Size()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want it to say %q", err, c.want)
			}
		})
	}
}

// A file that is still being written must not become an upload of its first half.
func TestBody_fileThatChanges(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]string{"other bytes": "Device Serial Number\nS2\n", "shorter": "Device"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "d.csv")
			if err := os.WriteFile(path, []byte("Device Serial Number\nS1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = file.Close() })
			f, err := devicefile.Inspect(file, 24)
			if err != nil {
				t.Fatal(err)
			}
			body, err := f.Body(file, "b")
			if err != nil {
				t.Fatal(err)
			}
			if text, err := read(t, body); err != nil || len(text) != 24 {
				t.Fatalf("%q, %v", text, err)
			}
			if err := os.WriteFile(path, []byte(later), 0o600); err != nil {
				t.Fatal(err)
			}
			if text, err := read(t, body); !errors.Is(err, devicefile.ErrChanged) || len(text) >= 24 {
				t.Errorf("%d bytes, %v", len(text), err)
			}
		})
	}
}

func TestInspect_longCharactersAcrossReads(t *testing.T) {
	t.Parallel()
	for shift := range 4 {
		text := strings.Repeat("x", shift) + strings.Repeat("😀", 40_000)
		if _, f := inspect(t, text); f.ContentType() != "text/csv; charset=utf-8" {
			t.Errorf("shift %d: %s", shift, f.ContentType())
		}
	}
}
