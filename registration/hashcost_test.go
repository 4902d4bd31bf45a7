package registration

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"testing"
	"time"

	"countersign/registration/hardwarehash"
)

// The cost of taking one hash in: text to bytes, records, digest, what identifies the
// device and the keys it is looked up by. The floor beside it is what no decoder can
// do without: base64 of the same text and the digest of the same bytes.

// hashForCost is an invented device's hash, with all its padding.
func hashForCost() []byte {
	return []byte(hardwarehash.NewGenerator(7).Next().Hash())
}

func takeIn(tb testing.TB, text []byte) []int64 {
	report, _, err := hardwarehash.DecodeText(text)
	if err != nil {
		tb.Fatal(err)
	}
	device := identityOf(report.Identity())
	return keysOf(&device)
}

func floor(tb testing.TB, text []byte) {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil || sha256.Sum256(raw[:n]) == [32]byte{} {
		tb.Fatal(err)
	}
}

// TestHashCost_allocations: beyond what stays (the bytes, the report, its texts, the
// graphics adapter's name, the disk's text, the addresses, the identity's bytes and the
// keys) at most two.
func TestHashCost_allocations(t *testing.T) {
	text := hashForCost()
	const result, beyond = 8, 2
	if got := testing.AllocsPerRun(200, func() { takeIn(t, text) }); got > result+beyond {
		t.Errorf("taking a hash in allocates %v times, at most %d are allowed", got, result+beyond)
	}
	if keys := takeIn(t, text); len(keys) != 7 {
		t.Errorf("%d keys, want those of E, U, S, D, K and two adapters", len(keys))
	}
}

func BenchmarkHashCost(b *testing.B) {
	text := hashForCost()
	b.ReportAllocs()
	for b.Loop() {
		takeIn(b, text)
	}
}

func BenchmarkHashFloor(b *testing.B) {
	text := hashForCost()
	b.ReportAllocs()
	for b.Loop() {
		floor(b, text)
	}
}

// BenchmarkHashRatio measures both by turns, so that a busy machine slows both, and
// reports the ratio of the quickest turns: C1.
func BenchmarkHashRatio(b *testing.B) {
	text := hashForCost()
	const turn = 100
	cost, least := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		for range turn {
			takeIn(b, text)
		}
		middle := time.Now()
		for range turn {
			floor(b, text)
		}
		cost, least = min(cost, middle.Sub(start)), min(least, time.Since(middle))
	}
	b.ReportMetric(float64(cost)/float64(least), "x-floor")
	b.ReportMetric(float64(cost.Nanoseconds())/turn, "ns/hash")
	b.ReportMetric(0, "ns/op")
}
