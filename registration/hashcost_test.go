package registration

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"runtime"
	"testing"
	"time"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// The cost of taking one hash in: text to bytes, records, digest, what identifies the
// device and the keys it is looked up by. The floor beside it is what no decoder can
// do without: base64 of the same text and the digest of the same bytes.

// hashForCost is an invented device's hash, with all its padding.
func hashForCost() []byte {
	return []byte(hardwarehash.NewGenerator(7).Next().Hash())
}

// taken is all that stays of a hash: its bytes, the report, the identity and the keys.
type taken struct {
	raw    []byte
	report *hardwarehash.Report
	device models.Identity
	keys   []int64
}

func takeIn(tb testing.TB, text []byte) (out taken) {
	var err error
	if out.report, out.raw, err = hardwarehash.DecodeText(text); err != nil {
		tb.Fatal(err)
	}
	out.device = identityOf(out.report.Identity())
	out.keys = keysOf(&out.device)
	return out
}

func floor(tb testing.TB, text []byte) {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil || sha256.Sum256(raw[:n]) == [32]byte{} {
		tb.Fatal(err)
	}
}

// TestHashCost_allocations: taking a hash in allocates at most twice more than what the
// result keeps. What it keeps are the objects that live on when everything else was
// collected while the results are held. Objects of a few bytes, which the runtime packs
// together, count as not kept.
func TestHashCost_allocations(t *testing.T) {
	const rounds, beyond = 2000, 2
	text := hashForCost()
	held := make([]taken, rounds)
	takeIn(t, text) // what is made once is made now
	count := func() (made, live float64) {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.Mallocs), float64(m.Mallocs - m.Frees)
	}
	made, live := count()
	for i := range held {
		held[i] = takeIn(t, text)
	}
	madeAfter, liveAfter := count()
	total, kept := (madeAfter-made)/rounds, (liveAfter-live)/rounds
	t.Logf("%.2f allocations, of which the result keeps %.2f", total, kept)
	if over := total - kept; over > beyond+0.1 { // other goroutines of the test allocate a little
		t.Errorf("taking a hash in allocates %.2f times and the result keeps %.2f: at most %d more are allowed", total, kept, beyond)
	}
	if kept < 1 {
		t.Errorf("the result keeps %.2f objects: nothing was measured", kept)
	}
	if keys := held[0].keys; len(keys) != 7 {
		t.Errorf("%d keys, want those of E, U, S, D, K and two adapters", len(keys))
	}
	runtime.KeepAlive(held)
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
