package format_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/internal/errs"
	"countersign/models"
)

func TestJSON_readsWhatTheSDKSends(t *testing.T) {
	t.Parallel()
	body := `{"BatchId":"north depot","Devices":[
		{"Id":null,"SerialNumber":"NB-4471-A","ProductKey":null,"HardwareHash":null,"OemManufacturerName":"Fjordtek AS",
		 "ModelName":"Skerry 14","Policies":null,"UploadedDate":"0001-01-01T00:00:00","AllowedOperations":null,
		 "deviceBatchId":7,"Attributes":{"ObjectType":"Device"}},
		{"productkey":"3305123456789","POLICIES":[],"groupTag":"north","orderLine":"10"}],
		"Attributes":{"ObjectType":"DeviceBatchCreationRequest"}}`
	rows, batch, err := readJSON(t, body, false)
	want := []intake.Row{
		{SerialNumber: "NB-4471-A", Manufacturer: "Fjordtek AS", Model: "Skerry 14"},
		{ProductKey: "3305123456789", Order: models.OrderData{GroupTag: "north", OrderLine: "10"}},
	}
	if err != nil || batch != "north depot" {
		t.Fatalf("batch %q, error %v", batch, err)
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
}

func TestJSON_membersInAnyOrder(t *testing.T) {
	t.Parallel()
	rows, batch, err := readJSON(t, ` {"attributes":{},"devices":[{"serialNumber":"A"}],"x":[[1]],"batchId":"late"} `, false)
	if err != nil || batch != "late" || len(rows) != 1 || rows[0].SerialNumber != "A" {
		t.Fatalf("rows %v, batch %q, error %v", rows, batch, err)
	}
}

func TestJSON_bareListForAppending(t *testing.T) {
	t.Parallel()
	rows, batch, err := readJSON(t, `[{"SerialNumber":"A"},{"SerialNumber":"B"}]`, true)
	if err != nil || batch != "" || len(rows) != 2 || rows[1].SerialNumber != "B" {
		t.Fatalf("rows %v, batch %q, error %v", rows, batch, err)
	}
}

func TestJSON_missingOrNullDevicesAreNone(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"BatchId":"a"}`, `{"BatchId":null,"Devices":null}`, `{"Devices":[]}`, `{}`} {
		if rows, _, err := readJSON(t, body, false); err != nil || len(rows) != 0 {
			t.Errorf("%s: rows %v, error %v", body, rows, err)
		}
	}
}

func TestJSON_brokenContainers(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 20) + strings.Repeat("]", 20)
	for _, c := range []struct {
		name, body string
		bare       bool
		words      []string
	}{
		{"empty", ``, false, []string{"ends too early"}},
		{"truncated in a device", `{"BatchId":"a","Devices":[{"SerialNumber":"x"},{"Serial`, false, []string{"ends too early", "/Devices/1"}},
		{"truncated after the devices", `{"Devices":[{"SerialNumber":"x"}]`, false, []string{"ends too early", "byte 33"}},
		{"trailing garbage", `{"Devices":[]} x`, false, []string{"byte 15"}},
		{"second document", `{"Devices":[]}{}`, false, []string{"follows the end"}},
		{"a list where an object must be", `[]`, false, []string{"object with batchId", "it is a list"}},
		{"an object where a list must be", `{}`, true, []string{"list of devices itself", "it is an object"}},
		{"devices as text", `{"Devices":"x"}`, false, []string{"/Devices", "list of devices", "text"}},
		{"batch id as number", `{"BatchId":7}`, false, []string{"/BatchId", "must be text", "a number"}},
		{"member twice", `{"BatchId":"a","BatchId":"b"}`, false, []string{"/BatchId", "twice"}},
		{"member twice by case", `{"Devices":[],"devices":[]}`, false, []string{"/devices", "twice"}},
		{"unknown member twice", `{"x":1,"X":2}`, false, []string{"/X", "twice"}},
		{"invalid UTF-8", "{\"Devices\":[{\"SerialNumber\":\"\xff\"}]}", false, []string{"UTF-8", "/Devices/0"}},
		{"half a surrogate pair", `{"Devices":[{"SerialNumber":"\ud800"}]}`, false, []string{"/Devices/0"}},
		{"raw NUL", "{\"Devices\":[{\"SerialNumber\":\"a\x00\"}]}", false, []string{"/Devices/0"}},
		{"too deep in a device", `[{"x":` + deep + `}]`, true, []string{"deeper than 16"}},
		{"too deep in an ignored member", `{"x":` + deep + `}`, false, []string{"deeper than 16"}},
		{"missing value", `{"Devices":}`, false, []string{"/Devices"}},
		{"missing comma", `[{"a":1}{"b":2}]`, true, []string{"byte 8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readJSON(t, c.body, c.bare)
			refused(t, err, "body_malformed", append(c.words, "Nothing was stored")...)
		})
	}
}

func TestJSON_brokenDeviceIsItsRowsOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, device, word string }{
		{"number for text", `{"SerialNumber":4711}`, "SerialNumber must be text"},
		{"object for text", `{"hardwareHash":{"a":[1,2]}}`, "hardwareHash must be text"},
		{"list for text", `{"groupTag":[]}`, "groupTag must be text"},
		{"text for policies", `{"Policies":"none"}`, "Policies must be a list"},
		{"member twice", `{"SerialNumber":"a","SerialNumber":"b"}`, "SerialNumber is given twice"},
		{"member twice by case", `{"SerialNumber":"a","serialnumber":"b"}`, "serialnumber is given twice"},
		{"not an object", `"NB-1"`, "it is text"},
		{"null", `null`, "it is null"},
		{"too large by one member", `{"SerialNumber":"a","HardwareHash":"` + strings.Repeat("A", 1<<20) + `"}`, "larger than 64 KiB"},
		{"too large by many members", `{"x":[` + strings.Repeat(`"",`, 1<<16) + `""],"SerialNumber":"a"}`, "larger than 64 KiB"},
		{"too large by an escaped text", `{"HardwareHash":"` + strings.Repeat(`\ud83d\ude00`, 1<<14) + `"}`, "larger than 64 KiB"},
		{"too large by characters of several bytes", `{"HardwareHash":"` + strings.Repeat(`端末`, 1<<16) + `\"\\"}`, "larger than 64 KiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows, _, err := readJSON(t, `[{"SerialNumber":"first"},`+c.device+`,{"SerialNumber":"last"}]`, true)
			if err != nil || len(rows) != 3 {
				t.Fatalf("%d rows, error %v", len(rows), err)
			}
			if rows[0].Unreadable != "" || rows[2].SerialNumber != "last" || rows[2].Unreadable != "" {
				t.Errorf("the neighbours suffered: %+v", rows)
			}
			if got := rows[1].Unreadable; !strings.Contains(got, c.word) || !strings.Contains(got, "Device 2") {
				t.Errorf("sentence %q, want it to name device 2 and say %q", got, c.word)
			}
		})
	}
}

func TestJSON_policies(t *testing.T) {
	t.Parallel()
	rows, _, err := readJSON(t, `[{"Policies":[{"Key":"none","Value":null}]},{"policies":[]},{"policies":null}]`, true)
	if err != nil || len(rows) != 3 || !rows[0].HasPolicies || rows[1].HasPolicies || rows[2].HasPolicies {
		t.Fatalf("rows %+v, error %v", rows, err)
	}
}

func TestJSON_positionIsTheBodysOwn(t *testing.T) {
	t.Parallel()
	head := `[{"HardwareHash":"` + strings.Repeat("A", 300_000) + `"},`
	_, _, err := readJSON(t, head+`!]`, true)
	refused(t, err, "body_malformed", fmt.Sprintf("byte %d", len(head)))
}

func TestJSON_endlessTokensNeedNoMemory(t *testing.T) {
	const size = 64 << 20
	for name, body := range map[string]io.Reader{
		"text":   io.MultiReader(strings.NewReader(`[{"SerialNumber":"`), many(size), strings.NewReader(`"}]`)),
		"number": io.MultiReader(strings.NewReader(`[{"SerialNumber":1`), many(size), strings.NewReader(`}]`)),
	} {
		bytes := allocated(func() { _, _ = read(format.NewJSON(body, true, 0)) })
		if bytes > 4<<20 {
			t.Errorf("%s of %d MiB took %d bytes of memory", name, size>>20, bytes)
		}
	}
}

func TestJSON_bodyPastTheLimit(t *testing.T) {
	t.Parallel()
	src := format.NewJSON(io.MultiReader(strings.NewReader(`[{"SerialNumber":"`), many(1<<20)), true, 100_000)
	_, err := read(src)
	refused(t, err, "body_too_large")
	if src.Digest() != nil || src.Failure() == nil {
		t.Error("a body that was not read to its end has a digest")
	}
}

func TestJSON_connectionBreaks(t *testing.T) {
	t.Parallel()
	timeout := errs.New(errs.Unavailable, "body_timeout", "slow")
	for code, cause := range map[string]error{"body_incomplete": io.ErrUnexpectedEOF, "body_timeout": timeout} {
		src := format.NewJSON(io.MultiReader(strings.NewReader(`[{"SerialNumber":"a"`), iotest.ErrReader(cause)), true, 0)
		_, err := read(src)
		if errs.From(err).Code != code || errs.From(src.Failure()).Code != code {
			t.Errorf("%v: got %v and %v, want code %s", cause, err, src.Failure(), code)
		}
		if _, again := src.Next(); !errors.Is(again, err) {
			t.Errorf("a second Next gave %v", again)
		}
	}
}
