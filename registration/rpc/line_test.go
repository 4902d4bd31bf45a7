package rpc_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration/rpc"
)

// Work is sent when the clocks differ by what is allowed, and not beyond, whichever of
// them is ahead; a stop reaches the core in any case.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	for skew, sent := range map[time.Duration]bool{
		0: true, 5 * time.Second: true, -5 * time.Second: true, 5*time.Second + 1: false, -time.Minute: false, time.Hour: false,
	} {
		core := &fake{skew: skew}
		var log lockedLog
		cl := serve(t, core, nil, rpc.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		_, err := cl.Register(t.Context(), one)
		switch {
		case sent && (err != nil || core.works != 1):
			t.Errorf("%v apart: %v", skew, err)
		case !sent && (errs.KindOf(err) != errs.Unavailable || core.works != 0 || !strings.Contains(log.String(), "clocks")):
			t.Errorf("%v apart: %v after %d calls; log %s", skew, err, core.works, log.String())
		}
		if got := cl.State(); !got.Up || got.Skew != skew.Abs() {
			t.Errorf("%v apart: state %+v", skew, got)
		}
		if err := cl.Fence(t.Context(), models.SubjectOfGrant, "g", 1); err != nil {
			t.Errorf("%v apart: a fence: %v", skew, err)
		}
	}
}

// The time that asking takes counts: an answer that took too long proves nothing.
func TestASlowClockProvesNothing(t *testing.T) {
	t.Parallel()
	var looks atomic.Int64
	slow := func(context.Context) (time.Time, error) {
		return start.Add(time.Duration(looks.Add(1)-1) * 6 * time.Second), nil
	}
	core := &fake{skew: 3 * time.Second}
	cl := serve(t, core, nil, rpc.Options{Now: slow, MaxSkew: 2 * time.Second})
	if _, err := cl.Register(t.Context(), one); errs.KindOf(err) != errs.Unavailable || core.works != 0 {
		t.Errorf("%v after %d calls", err, core.works)
	}
}

// The clocks are compared again after a while.
func TestClocksAreComparedAgain(t *testing.T) {
	t.Parallel()
	core := &fake{}
	cl := serve(t, core, nil, rpc.Options{CheckEvery: time.Nanosecond})
	if _, err := cl.Register(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	core.skew = time.Minute
	if _, err := cl.Register(t.Context(), one); errs.KindOf(err) != errs.Unavailable || core.works != 1 {
		t.Errorf("after the clock jumped: %v", err)
	}
	core.skew = 0
	if _, err := cl.Register(t.Context(), one); err != nil {
		t.Errorf("after it was set: %v", err)
	}
}

// What the core must know first is said before the first work and again after the line
// was cut, and work waits for it.
func TestTheCoreIsGreetedBeforeWork(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	valve := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down.Load() {
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	}
	core := &fake{}
	var greetings int
	var fail error
	var cl *rpc.Client
	cl = serve(t, core, nil, rpc.Options{Connected: func(ctx context.Context) error {
		greetings++
		if err := cl.Fence(ctx, models.SubjectOfGrant, "g", 1); err != nil { // it may use the client
			return err
		}
		return fail
	}}, valve)
	send := func(what string, ok bool, works, greeted int) {
		t.Helper()
		_, err := cl.Register(t.Context(), one)
		if (err == nil) != ok || !ok && errs.KindOf(err) != errs.Unavailable || core.works != works || greetings != greeted {
			t.Errorf("%s: %v, %d works, %d greetings", what, err, core.works, greetings)
		}
	}
	fail = errors.New("not yet")
	send("greeting fails", false, 0, 1)
	fail = nil
	send("greeting passes", true, 1, 2)
	send("the line stands", true, 2, 2)
	down.Store(true)
	send("the line is cut", false, 2, 2)
	send("still", false, 2, 2)
	if cl.State().Up {
		t.Error("the state says the core is there")
	}
	down.Store(false)
	send("the core is back", true, 3, 3)
	core.err = errs.New(errs.Unavailable, "core_unavailable", "Later.")
	send("the core itself cannot answer", false, 4, 3)
	core.err = nil
	send("it can again", true, 5, 3)
}

// Watch keeps the state without work.
func TestWatch(t *testing.T) {
	t.Parallel()
	greeted := make(chan struct{})
	cl := serve(t, &fake{}, nil, rpc.Options{Connected: func(context.Context) error { close(greeted); return nil }})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { cl.Watch(ctx); close(done) }()
	<-greeted
	stop()
	<-done
	if !cl.State().Up {
		t.Error("the state says the core is away")
	}
}
