package ratelimit_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"countersign/gateway/ratelimit"
	"countersign/internal/redistest"
	"countersign/models"
)

// BenchmarkSpend spends three keys of one of 10,000 partners at a time.
func BenchmarkSpend(b *testing.B) {
	benchmarkSpend(b, ratelimit.New(ratelimit.NewMemory(time.Now, 0), nil))
}

func benchmarkSpend(b *testing.B, l *ratelimit.Limiter) {
	b.Helper()
	rate := ratelimit.Rate{Count: 1_000_000, Period: time.Minute}
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			id := ids[i%len(ids)]
			_, err := l.Spend(context.Background(), charges(
				ratelimit.ForDevices(models.PartnerID(id), rate, 10),
				ratelimit.ForTenantDevices(models.PartnerID(id), "t", rate, 10),
				ratelimit.ForRequest(models.ClientID(id), rate)))
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFlood spends from ever new addresses against a full store.
func BenchmarkFlood(b *testing.B) {
	l := ratelimit.New(ratelimit.NewMemory(time.Now, 10_000), nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := l.Spend(context.Background(), charges(ratelimit.ForTokenRequest(address(i), perMinute(60)))); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSpendRedis spends three keys of one of 10,000 partners at a time in a
// Redis server on the same machine, through its socket and one process.
func BenchmarkSpendRedis(b *testing.B) {
	r, err := ratelimit.OpenRedis(redistest.Start(b).SocketURL())
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	benchmarkSpend(b, ratelimit.New(patient(r), nil))
}
