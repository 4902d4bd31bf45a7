package loadgen

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"time"

	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// errNothing cannot happen; asking keeps the compiler from leaving work out.
var errNothing = errors.New("nothing came of a hash")

// hashCost is C1: everything that is done to the text of a hash before the database
// is asked, against base64 and SHA-256 of the same bytes, which is the least that
// reading and checking it can cost.
func (r *run) hashCost(context.Context) (Figure, error) {
	texts := make([][]byte, 20) // so few that a round is rarely interrupted
	g := hardwarehash.NewGenerator(r.seed)
	for i := range texts {
		texts[i] = []byte(hardwarehash.Text(padded.capture(g.Next())))
	}
	r.seed++
	full := func() error {
		for _, text := range texts {
			report, raw, err := hardwarehash.DecodeText(text)
			if err != nil {
				return err
			}
			if keys := registration.IndexKeys(report.Identity()); len(keys) == 0 || len(raw) == 0 {
				return errNothing
			}
		}
		return nil
	}
	floor := func() error {
		buf := make([]byte, hardwarehash.StandardRaw)
		for _, text := range texts {
			n, err := base64.StdEncoding.Decode(buf, text)
			if err != nil {
				return err
			}
			if sha256.Sum256(buf[:n]) == [sha256.Size]byte{} {
				return errNothing
			}
		}
		return nil
	}
	var all, least []time.Duration
	for range 200 * r.Rounds {
		a, err := timed(full)
		if err != nil {
			return Figure{}, err
		}
		b, err := timed(floor)
		if err != nil {
			return Figure{}, err
		}
		all, least = append(all, a), append(least, b)
	}
	each := ratios(all, least)
	return Figure{
		Values: []float64{median(each)}, Of: "hash cost/floor", Goal: "≤ 3",
		Detail: []string{
			fmt.Sprintf("One hash costs %.1f µs and %.1f allocations, at most two of them for what the result does not keep (`TestHashCost_allocations` counts what lives on); base64 and SHA-256 alone cost %.1f µs. Rounds: %s.",
				perHash(median(all), len(texts)), allocations(full)/float64(len(texts)), perHash(median(least), len(texts)), spread(each)),
		},
	}, nil
}

func perHash(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }

// allocations counts what one call of fn allocates.
func allocations(fn func() error) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_ = fn() // it has just run without a fault
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}
