package hardwarehash

import (
	"bytes"
	"encoding/base64"
	"testing"
	"unicode/utf8"
)

// FuzzDecode: whatever arrives, nothing panics, a refusal has a reason, and what
// is accepted encodes to the very same bytes.
func FuzzDecode(f *testing.F) {
	report, trimmed := sample1(f)
	f.Add(trimmed, false)
	f.Add(report.Encode(), true)
	for _, kind := range []uint16{typeNIC, typeHybridCores, typeSPPHWID, typeLanguage, typeOfflineID, typeGPUName} {
		f.Add(seal([]Record{{Type: kind, Data: bytes.Repeat([]byte{1}, 60)}}, []byte{7}, 0), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, reseal bool) {
		if reseal {
			raw = fuzzReseal(raw)
		}
		report, err := Decode(raw)
		if err != nil {
			if ReasonOf(err) == "" {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		if !bytes.Equal(report.Encode(), raw) {
			t.Fatal("decoding and encoding changed the bytes")
		}
		again, err := Decode(Trim(raw))
		if err != nil {
			t.Fatalf("the trimmed hash is refused: %v", err)
		}
		assertReadable(t, again)
	})
}

// fuzzReseal gives the fuzzer a valid digest, which it would never find: the
// input becomes the records.
func fuzzReseal(raw []byte) []byte {
	if len(raw) < headerLen || len(raw) > MaxRaw {
		return raw
	}
	records, err := split(raw, nil)
	if err != nil {
		records, err = split(raw[:max(headerLen, len(raw)/2)], nil)
	}
	if err != nil {
		return raw
	}
	return seal(records, nil, 0)
}

func assertReadable(t *testing.T, r *Report) {
	t.Helper()
	for _, f := range r.Fields() {
		if !utf8.ValidString(f.Value) || bytes.IndexByte([]byte(f.Value), 0) >= 0 {
			t.Fatalf("%s is not storable text: %q", f.Name, f.Value)
		}
	}
	id := r.Identity()
	for _, s := range []string{id.Manufacturer, id.Product, id.Serial, id.SystemDisk, id.ProductKeyID} {
		if !utf8.ValidString(s) || bytes.IndexByte([]byte(s), 0) >= 0 {
			t.Fatalf("identity is not storable text: %q", s)
		}
	}
	r.Quality()
}

// FuzzDecodeText: the lenient text reading never accepts what the strict standard
// decoder reads as other bytes.
func FuzzDecodeText(f *testing.F) {
	f.Add(sampleText(f, "sample1"))
	f.Add(sampleText(f, "sample2_truncated"))
	f.Add([]byte("T0GDAgEAHAAAAAoADwCrPwAACgCRALpHq0gcJ3gC..."))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, raw, err := DecodeText(text)
		if err != nil {
			if ReasonOf(err) == "" {
				t.Fatalf("refused without a reason: %v", err)
			}
			return
		}
		strict, err := base64.StdEncoding.DecodeString(string(text))
		if err == nil && !bytes.Equal(Trim(strict), raw) {
			t.Fatal("the text was read as other bytes than the standard decoder reads")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	_, trimmed := sample1(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(trimmed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeTextAndIdentity(b *testing.B) {
	text := sampleText(b, "sample1")
	b.ReportAllocs()
	for b.Loop() {
		report, _, err := DecodeText(text)
		if err != nil {
			b.Fatal(err)
		}
		if id := report.Identity(); !id.HasTuple() {
			b.Fatal("no tuple")
		}
	}
}
