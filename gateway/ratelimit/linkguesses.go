package ratelimit

import (
	"context"
	"net/netip"
	"time"
)

// How often links are opened. People open a link a few times; at these rates nobody
// finds one of 256 bits.
var (
	linksOfSource  = Rate{Count: 20, Period: 10 * time.Minute}
	linksOfAll     = Rate{Count: 1000, Period: time.Hour}
	linksWhenTried = Rate{Count: 3, Period: time.Hour} // of one source while linksOfAll is used up
)

// LinkGuesses slows down who tries links, for each source and over all of them. It is
// safe for concurrent use.
type LinkGuesses struct{ limiter *Limiter }

// NewLinkGuesses returns LinkGuesses over a limiter.
func NewLinkGuesses(limiter *Limiter) *LinkGuesses { return &LinkGuesses{limiter} }

// Guess charges one opening of a link to its source, before the link is looked at;
// an error of kind errs.RateLimited says when to come back. When all sources together
// try more than people do, each source has a few openings left all the same: whoever
// tries from many addresses is stopped, and somebody with a real link gets in.
func (g *LinkGuesses) Guess(ctx context.Context, source netip.Addr) error {
	own, err := g.spend(ctx, LinkAttempts, SourceKey(source), linksOfSource)
	if err != nil || !own.Admitted {
		return firstOf(err, own)
	}
	all, err := g.spend(ctx, AllLinkAttempts, "all", linksOfAll)
	if err != nil || all.Admitted {
		return err
	}
	few, err := g.spend(ctx, LinkAttempts, "tried/"+SourceKey(source), linksWhenTried)
	return firstOf(err, few)
}

func (g *LinkGuesses) spend(ctx context.Context, limit Name, key string, rate Rate) (Decision, error) {
	return g.limiter.Spend(ctx, []Charge{{Limit: limit, Key: key, Rate: rate, Cost: 1}})
}

func firstOf(err error, d Decision) error {
	if err != nil {
		return err
	}
	return d.Err()
}
