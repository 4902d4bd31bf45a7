package intake

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// The table says of every key what a map would say, whatever comes twice and how often it
// grew in between.
func TestSeen_isAMap(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var table seen
	want := map[deviceKey]int{}
	for ordinal := 1; ordinal <= 200_000; ordinal++ {
		key := keyOf("S", strconv.Itoa(random.IntN(150_000)))
		switch ordinal % 100 { // neighbours, and places at the ends of a part
		case 0:
			key = deviceKey{0, 0, 0, 0, byte(random.IntN(8))}
		case 1:
			key = deviceKey{255, 255, 255, 255, byte(random.IntN(8))}
		}
		if got := table.before(key, ordinal); got != want[key] {
			t.Fatalf("row %d: the same device stands in row %d, want %d", ordinal, got, want[key])
		}
		if want[key] == 0 {
			want[key] = ordinal
		}
	}
	used, room := 0, 0
	for _, part := range table.parts {
		used, room = used+part.used, room+len(part.rows)
	}
	if used != len(want) || room*2 > used*3+64*16 {
		t.Errorf("%d rows in %d places, want %d in half as many more at most", used, room, len(want))
	}
}

func BenchmarkSeen(b *testing.B) {
	keys := make([]deviceKey, 1_000_000)
	for i := range keys {
		keys[i] = keyOf("S", strconv.Itoa(i))
	}
	b.ReportAllocs()
	for b.Loop() {
		var table seen
		for i, key := range keys {
			table.before(key, i+1)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(keys)), "ns/row")
}
