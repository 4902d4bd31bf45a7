package format_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"countersign/gateway/intake/format"
)

const benchRows = 500

// benchBody writes invented devices in some form.
func benchBody(head, device, tail string) string {
	var body strings.Builder
	body.WriteString(head)
	for i, d := range invented(benchRows) {
		id := d.Report.Identity()
		if i > 0 && strings.HasPrefix(tail, "]") {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, device, id.ProductKeyID, d.Hash())
	}
	return body.String() + tail
}

func benchmarkReader(b *testing.B, body string, open func(io.Reader) source) {
	b.Helper()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		rows := 0
		src := open(strings.NewReader(body))
		for {
			_, err := src.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			rows++
		}
		if rows != benchRows {
			b.Fatalf("%d rows", rows)
		}
	}
}

const benchObject = `{"productKey":"%s","hardwareHash":"%s"}`

func BenchmarkJSON(b *testing.B) {
	body := benchBody(`{"batchId":"b","devices":[`, benchObject, "]}")
	benchmarkReader(b, body, func(r io.Reader) source { return format.NewJSON(r, false, 0) })
}

func BenchmarkCSV(b *testing.B) {
	body := benchBody("Windows Product ID,Hardware Hash\n", "%s,%s\n", "")
	benchmarkReader(b, body, func(r io.Reader) source { return format.NewCSV(r, "", 0) })
}

func BenchmarkNDJSON(b *testing.B) {
	body := benchBody("", benchObject+"\n", "")
	benchmarkReader(b, body, func(r io.Reader) source { return format.NewNDJSON(r, 0) })
}

func BenchmarkReportJSON(b *testing.B) {
	body := benchBody(`{"keys":[`, benchObject, "]}")
	benchmarkReader(b, body, func(r io.Reader) source { return format.NewReportJSON(r, 0) })
}

func BenchmarkReportNDJSON(b *testing.B) {
	body := benchBody("", benchObject+"\n", "")
	benchmarkReader(b, body, func(r io.Reader) source { return format.NewReportNDJSON(r, 0) })
}

func BenchmarkOA3(b *testing.B) {
	body := benchBody("<Keys>", "<Key><ProductKeyID>%s</ProductKeyID><ProductKeyState>3</ProductKeyState><HardwareHash>%s</HardwareHash></Key>\n", "</Keys>")
	benchmarkReader(b, body, func(r io.Reader) source { return format.NewOA3(r, "", 0) })
}
