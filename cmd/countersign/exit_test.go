package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/registration/hardwarehash"
)

// refusalFor is what the client makes of a refusal by this word.
func refusalFor(t *testing.T, word string) error {
	t.Helper()
	code, ok := wire.Lookup(word)
	if !ok {
		t.Fatalf("no such word: %s", word)
	}
	return &client.APIError{Status: code.Status, Problem: wire.Problem{Reason: word, NextActor: code.NextActor, Detail: code.Title}}
}

func TestExitCode_ofRefusals(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]int{
		"consent_not_granted": 4, "consent_scope_missing": 4, "consent_suspended": 4, "consent_limit_reached": 4,
		"rate_limit_exceeded": 5, "upload_larger_than_budget": 5, "larger_than_budget": 5,
		"storage_unavailable": 6, "outcome_unknown": 6, "core_unavailable": 6, "internal": 6, "body_timeout": 6, "body_incomplete": 6,
		"partner_suspended": 1, "batch_exists": 1, "body_malformed": 1, "invalid_token": 1, "idempotency_key_reused": 1, "insufficient_scope": 1,
	} {
		if got := exitCode(fmt.Errorf("devices.csv: %w", refusalFor(t, word))); got != want {
			t.Errorf("%s: exit %d, want %d", word, got, want)
		}
	}
}

func TestExitCode_ofFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want int
	}{
		{errors.New("unknown flag"), 1},
		{&client.UnreachableError{Err: errors.New("refused")}, 6},
		{fmt.Errorf("x: %w", context.Canceled), 130},
		{context.DeadlineExceeded, 6},
		{&client.OAuthError{Status: http.StatusUnauthorized, Code: "invalid_client"}, 1},
		{&client.OAuthError{Status: http.StatusServiceUnavailable, Code: "server_error"}, 6},
		{&client.OAuthError{Status: http.StatusTooManyRequests, Code: "slow_down"}, 5},
		{&hardwarehash.Error{Reason: hardwarehash.ReasonDigest}, 3},
	} {
		if got := exitCode(c.err); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}

// What the wire calls finished_with_errors is a success when every row is done.
func TestTally_exitCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		classes string
		want    int
	}{
		{"", 0},
		{"done done", 0},
		{"done fix_row", 3},
		{"ask_customer done", 4},
		{"ask_customer fix_row", 3},
		{"ask_manufacturer", 3},
		{"dispute", 3},
		{"wait", 3},
		{"ask_operator ask_customer", 3},
		{"open done", 6},
		{"open fix_row", 6},
		{"a_class_of_a_newer_gateway", 3},
	} {
		tally := newTally(kindRegister)
		for _, class := range strings.Fields(c.classes) {
			if class == classOpen {
				class = ""
			}
			tally.add(wire.UploadRow{OutcomeClass: class})
		}
		if got := tally.exitCode(); got != c.want {
			t.Errorf("%q: exit %d, want %d", c.classes, got, c.want)
		}
	}
}

func TestTally_keepsTheFirstFailures(t *testing.T) {
	t.Parallel()
	tally := newTally(kindRegister)
	for n := 1; n <= 50; n++ {
		tally.add(wire.UploadRow{Row: n, OutcomeClass: "fix_row"})
	}
	if len(tally.Failures) != shownFailures || tally.Failures[0].Row != 1 || tally.Outcomes["fix_row"] != 50 || tally.failed() != 50 {
		t.Errorf("%d failures, %v", len(tally.Failures), tally.Outcomes)
	}
}

func TestWorse(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]int{{0, 3, 3}, {3, 4, 3}, {4, 5, 5}, {5, 6, 6}, {6, 1, 1}, {1, 0, 1}} {
		if got := worse(c[0], c[1]); got != c[2] {
			t.Errorf("%d and %d: %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestWaiter(t *testing.T) {
	t.Parallel()
	w := waiter{first: time.Millisecond, until: time.Now().Add(-time.Second)}
	if more, err := w.pause(context.Background()); more || err != nil {
		t.Errorf("past its time: %v, %v", more, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w = waiter{first: time.Hour}
	if _, err := w.pause(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	w = waiter{first: time.Microsecond}
	for range 5 {
		if more, err := w.pause(context.Background()); !more || err != nil {
			t.Errorf("%v, %v", more, err)
		}
	}
	if w.next <= time.Microsecond || w.next > lastPoll {
		t.Errorf("next pause %v", w.next)
	}
}

func TestPointInTime(t *testing.T) {
	t.Parallel()
	end, err := pointInTime("until", "2027-03-31")
	if err != nil || end.Format(time.RFC3339) != "2027-03-31T23:59:59Z" {
		t.Errorf("%v, %v", end, err)
	}
}

func TestMomentAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 4, 1, 1, 30, 0, 0, time.FixedZone("", 2*3600)) // still March in UTC
	for text, want := range map[string]string{
		"2027-03-31": "2027-03-31T00:00:00Z", "2027-03-31T10:00:00+02:00": "2027-03-31T08:00:00Z",
		"today": "2027-03-31T00:00:00Z", "yesterday": "2027-03-30T00:00:00Z",
		"24h": "2027-03-30T23:30:00Z", "90m": "2027-03-31T22:00:00Z", "7d": "2027-03-24T23:30:00Z", "": "0001-01-01T00:00:00Z",
	} {
		if at, err := momentAt(now, "since", text); err != nil || at.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q: %v, %v", text, at, err)
		}
	}
	for _, text := range []string{"tomorrow", "31.03.2027", "-3h", "7d2", "99999999d"} {
		if at, err := momentAt(now, "since", text); err == nil || !strings.Contains(err.Error(), "--since") {
			t.Errorf("%q: %v, %v", text, at, err)
		}
	}
}

func TestPlain_takesControlsOut(t *testing.T) {
	t.Parallel()
	if got := plain("a\x1b[31mb\u202ec\td\r"); got != "a\uFFFD[31mb\uFFFDc d\uFFFD" {
		t.Errorf("%q", got)
	}
}

// Every command explains itself and shows how it is used.
func TestCommands_haveHelpWithAnExample(t *testing.T) {
	t.Parallel()
	root := (&app{env: func(string) string { return "" }}).root()
	seen := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if !cmd.Runnable() {
			return
		}
		seen++
		if cmd.Short == "" || !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: short %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Example)
		}
	}
	walk(root)
	if seen < 25 {
		t.Errorf("only %d commands were looked at", seen)
	}
}
