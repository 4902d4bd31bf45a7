package devicefile_test

import (
	"bytes"
	"strings"
	"testing"

	"countersign/cmd/countersign/internal/devicefile"
)

func TestInspect_tellsNDJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want devicefile.Kind
	}{
		"two devices":                    {"{\"serialNumber\":\"S1\"}\n{\"serialNumber\":\"S2\"}\n", devicefile.NDJSON},
		"one device":                     {"{\"SerialNumber\":\"S1\"}", devicefile.NDJSON},
		"blank lines around":             {"\n {\"note\":1}\r\n\r\n{\"serialNumber\":\"S2\"}", devicefile.NDJSON},
		"a broken second line":           {"{\"serialNumber\":\"S1\"}\n{\"serialNumber\n", devicefile.NDJSON},
		"a batch":                        {"{\"BatchId\":\"b\",\"Devices\":[]}", devicefile.JSON},
		"a batch, its name at the end":   {"{\"Devices\":[],\n\"BatchId\":\"b\"}", devicefile.JSON},
		"a byte order mark in the front": {"\uFEFF{\"serialNumber\":\"S1\"}\n", devicefile.NDJSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, f := inspect(t, c.in); f.Kind != c.want {
				t.Errorf("%s, want %s", f.Kind, c.want)
			}
		})
	}
}

func TestInspect_refusesObjectsThatAreNotOneALine(t *testing.T) {
	t.Parallel()
	r := bytes.NewReader([]byte("{\n\"serialNumber\":\"S1\"\n}\n{\n\"serialNumber\":\"S2\"\n}\n"))
	if _, err := devicefile.Inspect(r, r.Size()); err == nil || !strings.Contains(err.Error(), "not one in each line") {
		t.Errorf("error = %v", err)
	}
}

func TestBody_ndjson(t *testing.T) {
	t.Parallel()
	const lines = "{\"serialNumber\":\"S1\"}\n{\"serialNumber\":\"S2\"}\n"
	r, f := inspect(t, "\uFEFF"+lines)
	if f.ContentType() != "application/x-ndjson" || f.BatchName() != "" {
		t.Errorf("%q, %q", f.ContentType(), f.BatchName())
	}
	for _, make := range []func() (devicefile.Body, error){
		func() (devicefile.Body, error) { return f.Body(r, "b") },
		func() (devicefile.Body, error) { return f.AppendBody(r) },
	} {
		body, err := make()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(t, body); got != lines || err != nil || body.Size() != int64(len(lines)) {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestWriteResult_ndjson(t *testing.T) {
	t.Parallel()
	two := strings.ReplaceAll(strings.ReplaceAll(outcomeOfRow1, `"rowNumber":1`, `"rowNumber":2`), "d-1", "d-2")
	for name, c := range map[string]struct{ in, want string }{
		"line by line":                {"{\"serialNumber\":\"S1\", \"x\": 1}\r\n\n{}", `{"serialNumber":"S1","x":1,` + outcomeOfRow1 + "}\n{" + two + "}\n"},
		"a former result is replaced": {`{"serialNumber":"S1","countersign":{"rowNumber":9}}` + "\n{}\n", `{"serialNumber":"S1",` + outcomeOfRow1 + "}\n{" + two + "}\n"},
		"what cannot be read stays":   {"{\"serialNumber\":\"S1\"}\n{\"ser\n", `{"serialNumber":"S1",` + outcomeOfRow1 + "}\n{" + two + `,"value":"{\"ser"}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, _ := result(t, c.in, done(1), done(2)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestWriteResult_failedOnly(t *testing.T) {
	t.Parallel()
	bad := done(2)
	bad.OutcomeClass, bad.Status = "fix_row", "finished_with_errors"
	csvBad := "S2,2,finished_with_errors,,,fix_row,d-2,Registered.,nobody,true\n"
	jsonBad := `{"serialNumber":"S2",` + strings.NewReplacer(`"rowNumber":1`, `"rowNumber":2`, "d-1", "d-2", `"status":"finished"`, `"status":"finished_with_errors"`, `"done"`, `"fix_row"`).Replace(outcomeOfRow1) + "}"
	for name, c := range map[string]struct{ in, want string }{
		"CSV":    {"serialNumber\nS1\nS2\nS3\n", "serialNumber," + added + "\n" + csvBad},
		"NDJSON": {"{\"serialNumber\":\"S1\"}\n{\"serialNumber\":\"S2\"}\n{}", jsonBad + "\n"},
		"JSON":   {`[{"serialNumber":"S1"},{"serialNumber":"S2"},{}]`, "[\n" + jsonBad + "\n]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, f := inspect(t, c.in)
			var out strings.Builder
			if _, err := devicefile.WriteResult(&out, r, f, of(done(1), bad, done(3)), true); err != nil || out.String() != c.want {
				t.Errorf("%v, got\n%s\nwant\n%s", err, out.String(), c.want)
			}
		})
	}
	r, f := inspect(t, `[{}]`)
	var out strings.Builder
	if _, err := devicefile.WriteResult(&out, r, f, of(done(1)), true); err != nil || out.String() != "[\n]" {
		t.Errorf("all done: %v, %q", err, out.String())
	}
}

// The gateway takes the apostrophe of a result off again; a column somebody moved is
// a former result's all the same.
func TestWriteResult_ofACorrectedResult(t *testing.T) {
	t.Parallel()
	row := done(1)
	row.SerialNumber = "=S1"
	moved := "rowNumber,Device Serial Number,status,errorCode,errorDescription,outcomeClass,deviceId,explanation,nextActor,safeToRepeat,Note"
	got, guarded := result(t, moved+"\n1,'=S1,finished_with_errors,803,x,fix_row,,y,partner,false,'-5\n", row)
	want := "Device Serial Number,Note," + added + "\n'=S1,'-5,1,finished,,,done,d-1,Registered.,nobody,true\n"
	if got != want || guarded != 2 {
		t.Errorf("guarded %d, got\n%s\nwant\n%s", guarded, got, want)
	}
	row.SerialNumber = "S1"
	r, f := inspect(t, "serialNumber\n'S1\n")
	if _, err := devicefile.WriteResult(&strings.Builder{}, r, f, of(row), false); err == nil {
		t.Error("an apostrophe before what is no formula was taken for a guard")
	}
}
