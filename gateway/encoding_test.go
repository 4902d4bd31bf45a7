package gateway_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"countersign/gateway"
	"countersign/gateway/intake"
)

func gzipped(t testing.TB, plain string) string {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func zstded(t testing.TB, plain string, opts ...zstd.EOption) string {
	t.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// uploaded makes a call and returns what intake was given.
func uploaded(t *testing.T, path, body string, headers ...string) (rows []intake.Row, digest []byte) {
	t.Helper()
	e := newEdge(t)
	e.accept = func(_ intake.Call, src intake.Source) (intake.Accepted, error) {
		for {
			row, err := src.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return intake.Accepted{}, err
			}
			rows = append(rows, row)
		}
		digest = src.Digest()
		return intake.Accepted{TrackingID: tracking, Location: "/x"}, nil
	}
	if resp, answer := e.do("POST", path, body, headers...); resp.StatusCode != 202 {
		t.Fatalf("%d %s", resp.StatusCode, answer)
	}
	return rows, digest
}

// A compressed body is the call that it is without: the same rows, and the same repeat.
func TestEncoding_makesNoDifference(t *testing.T) {
	t.Parallel()
	create := "/v1/customers/" + tenant + "/deviceBatches"
	csv := "Device Serial Number,Manufacturer name,Device model\n" + strings.Repeat("NB-1,Fjordtek AS,Skerry 14\n", 400)
	for name, c := range map[string]struct{ path, media, body string }{
		"json":   {create, "application/json", sdkBody},
		"csv":    {create + "?batchId=a", "text/csv", csv},
		"ndjson": {create + "?batchId=a", "application/x-ndjson", `{"SerialNumber":"NB-1"}` + "\n" + `{"SerialNumber":"NB-2"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, digest := uploaded(t, c.path, c.body, "Content-Type", c.media)
			half := len(c.body) / 2
			for coding, packed := range map[string]string{
				"gzip": gzipped(t, c.body), "x-gzip": gzipped(t, c.body), "GZIP": gzipped(t, c.body[:half]) + gzipped(t, c.body[half:]),
				"zstd": zstded(t, c.body), " Zstd ": zstded(t, c.body[:half]) + zstded(t, c.body[half:]),
			} {
				got, again := uploaded(t, c.path, packed, "Content-Type", c.media, "Content-Encoding", coding)
				if !reflect.DeepEqual(got, want) || !bytes.Equal(again, digest) || len(want) == 0 {
					t.Errorf("%q: %d rows, want %d; digest %x, want %x", coding, len(got), len(want), again, digest)
				}
			}
		})
	}
}

func TestEncoding_thatCannotBeUndone(t *testing.T) {
	t.Parallel()
	create := "/v1/customers/" + tenant + "/deviceBatches"
	flip := func(s string) string { return s[:len(s)-6] + string(s[len(s)-6]^1) + s[len(s)-5:] }
	bomb := `{"BatchId":"a","Devices":[` + strings.Repeat(`{"SerialNumber":"NB"},`, 100_000) + "{}]}"
	var long strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&long, `{"SerialNumber":"NB-%d"},`, i*7919)
	}
	for name, c := range map[string]struct{ coding, body, reason, words string }{
		"gzip cut":          {"gzip", gzipped(t, sdkBody)[:100], "body_encoding", "not to its end"},
		"gzip damaged":      {"gzip", flip(gzipped(t, sdkBody)), "body_encoding", "Nothing was stored"},
		"gzip and garbage":  {"gzip", gzipped(t, sdkBody) + "garbage", "body_encoding", ""},
		"no gzip at all":    {"gzip", sdkBody, "body_encoding", ""},
		"gzip, nothing":     {"gzip", " ", "body_encoding", ""},
		"zstd cut":          {"zstd", zstded(t, sdkBody)[:100], "body_encoding", ""},
		"zstd damaged":      {"zstd", flip(zstded(t, sdkBody)), "body_encoding", ""},
		"zstd and garbage":  {"zstd", zstded(t, sdkBody) + "garbage", "body_encoding", ""},
		"no zstd at all":    {"zstd", sdkBody, "body_encoding", ""},
		"a large window":    {"zstd", zstded(t, bomb, zstd.WithWindowSize(64<<20)), "body_encoding", ""},
		"a gzip bomb":       {"gzip", gzipped(t, bomb), "body_expands", "100 times"},
		"a zstd bomb":       {"zstd", zstded(t, bomb, zstd.WithWindowSize(1<<20)), "body_expands", ""},
		"packed twice":      {"gzip", gzipped(t, gzipped(t, sdkBody)), "body_malformed", ""},
		"two codings":       {"gzip, zstd", gzipped(t, sdkBody), "unsupported_encoding", "gzip or zstd"},
		"brotli":            {"br", sdkBody, "unsupported_encoding", ""},
		"identity named":    {"identity", sdkBody, "unsupported_encoding", ""},
		"too much unpacked": {"gzip", gzipped(t, `{"BatchId":"a","Devices":[`+long.String()+`{}]}`), "body_too_large", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t, func(d *gateway.Deps) { d.Limits.Body = 1 << 20 })
			if strings.Contains(name, "bomb") || strings.Contains(name, "window") {
				e = newEdge(t)
			}
			var calls []intake.Call
			var rows []intake.Row
			e.accepts(&calls, &rows)
			resp, body := e.do("POST", create, c.body, "Content-Encoding", c.coding)
			refused(t, resp, body, 400, c.reason)
			if !strings.Contains(body, c.words) || len(calls) != 0 {
				t.Errorf("%d calls accepted; %s", len(calls), body)
			}
			if taken := resp.Header.Get("Accept-Encoding"); (taken != "") != (c.reason == "unsupported_encoding") {
				t.Errorf("Accept-Encoding is %q", taken)
			}
		})
	}
}

// Where no devices are sent nothing is decoded.
func TestEncoding_ofOtherBodies(t *testing.T) {
	t.Parallel()
	e := newEdge(t)
	resp, body := e.do("POST", "/v1/consents", gzipped(t, "{}"), "Content-Encoding", "gzip")
	refused(t, resp, body, 415, "unsupported_encoding")
}
