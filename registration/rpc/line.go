package rpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// line is what a client knows of the way to the core: whether it stands, and how far
// the two clocks differ. A submission is late by the core's clock and gets its end by
// the gateway's, so that with clocks apart a revocation would promise too much.
type line struct {
	clock     func(context.Context) (time.Time, error)
	now       func(context.Context) (time.Time, error)
	connected func(context.Context) error
	log       *slog.Logger
	every     time.Duration
	most      time.Duration

	cuts atomic.Int64 // how often the line failed

	mu      sync.Mutex // held while connecting, so that one caller does it for all
	greeted bool       // connected has returned nil since the last cut
	heard   int64      // cuts when the line last stood
	checked time.Time  // when the clocks last agreed; zero when they must be compared

	state atomic.Pointer[LineState]
}

// LineState is what the last look at the core showed.
type LineState struct {
	Up   bool          // the core answered
	Skew time.Duration // the most its clock can differ from ours; of the last answer
}

// State returns what the last look showed, for metrics.
func (l *line) State() LineState { return *l.state.Load() }

// checkTime bounds one look at the core's clock. It is below the skew allowed, since
// the time a look takes is time the clocks might differ by.
const checkTime = 3 * time.Second

func newLine(o Options, clock func(context.Context) (time.Time, error)) *line {
	l := &line{clock: clock, now: o.Now, connected: o.Connected, log: o.Logger, every: o.CheckEvery, most: o.MaxSkew}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if l.connected == nil {
		l.connected = func(context.Context) error { return nil }
	}
	if l.every == 0 {
		l.every = 5 * time.Second
	}
	if l.most == 0 {
		l.most = 5 * time.Second
	}
	l.state.Store(&LineState{})
	return l
}

// cut notes that a call failed on the way: the core may be another one when it answers
// again.
func (l *line) cut() { l.cuts.Add(1) }

// ready returns nil when work may be sent: the clocks agree, and the core was greeted
// since the line last failed.
func (l *line) ready(ctx context.Context) error { return l.stand(ctx, l.every) }

// stand is ready with clocks that were compared within a time.
func (l *line) stand(ctx context.Context, within time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	cuts := l.cuts.Load()
	if l.heard != cuts {
		l.greeted, l.checked = false, time.Time{}
	}
	if l.greeted && time.Since(l.checked) < within {
		return nil
	}
	if err := l.check(ctx); err != nil {
		return err
	}
	if !l.greeted {
		if err := l.connected(ctx); err != nil {
			return unavailable(fmt.Errorf("the core answers, but what it must know first did not reach it: %w", err))
		}
	}
	// A call that failed meanwhile, maybe one of connected, counts as a cut to come.
	l.greeted, l.checked, l.heard = true, time.Now(), cuts
	return nil
}

// check compares the clocks.
func (l *line) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	before, err := l.now(ctx)
	if err != nil {
		return unavailable(fmt.Errorf("read our own clock: %w", err))
	}
	core, err := l.clock(ctx)
	if err != nil {
		l.look(ctx, LineState{Skew: l.State().Skew})
		return err
	}
	after, err := l.now(ctx)
	if err != nil {
		return unavailable(fmt.Errorf("read our own clock: %w", err))
	}
	// The core read its clock between our two looks at ours.
	skew := max(core.Sub(before).Abs(), after.Sub(core).Abs())
	l.look(ctx, LineState{Up: true, Skew: skew})
	if skew > l.most {
		l.checked = time.Time{}
		l.log.ErrorContext(ctx, "the clocks of gateway and core differ too much: no work is sent. Set both by NTP",
			"differ_by", skew.String(), "allowed", l.most.String(), "core", core.UTC(), "gateway", after.UTC())
		return unavailable(fmt.Errorf("the clocks of gateway and core differ by up to %s, allowed are %s", skew, l.most))
	}
	return nil
}

// look remembers what was seen, and says when it changed.
func (l *line) look(ctx context.Context, now LineState) {
	if was := l.state.Swap(&now); was.Up != now.Up {
		l.log.InfoContext(ctx, "the line to the core", "up", now.Up)
	}
}

// Watch looks at the core until ctx ends, so that metrics tell how it stands also
// while there is no work, and a core that came back is greeted at once.
func (l *line) Watch(ctx context.Context) {
	tick := time.NewTicker(l.every)
	defer tick.Stop()
	for {
		if err := l.stand(ctx, 0); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "the core is not ready for work", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// NewLine makes an HTTP client for calls of a core. It follows no redirect, uses no
// proxy and notices within seconds that the other end is gone; how long a call may take
// is the caller's to say. A nil config takes the system's roots and no certificate.
func NewLine(config *tls.Config) *http.Client {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: checkTime, KeepAlive: 10 * time.Second}).DialContext,
			TLSClientConfig:     config,
			TLSHandshakeTimeout: checkTime,
			MaxIdleConnsPerHost: 16,
			IdleConnTimeout:     90 * time.Second,
			Protocols:           protocols,
			HTTP2:               &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
