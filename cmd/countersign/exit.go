package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/registration/hardwarehash"
)

// The exit codes.
const (
	exitDone        = 0
	exitOther       = 1
	exitRows        = 3   // rows to fix
	exitCustomer    = 4   // the customer must act
	exitBudget      = 5   // a budget is used up, or smaller than the upload
	exitUnreachable = 6   // not finished, nothing lost
	exitInterrupted = 130 // as shells say for SIGINT
)

// outcomeError ends the program with a code after the result was printed: there is
// nothing more to say.
type outcomeError struct{ code int }

func (e *outcomeError) Error() string { return "see the result" }

// pendingError is a failure after which the same command continues.
type pendingError struct {
	err  error
	hint string
}

func (e *pendingError) Error() string { return e.err.Error() }
func (e *pendingError) Unwrap() error { return e.err }

// finish says what went wrong and returns the exit code.
func (a *app) finish(err error) int {
	if err == nil {
		return exitDone
	}
	var outcome *outcomeError
	if errors.As(err, &outcome) {
		return outcome.code
	}
	code := exitCode(err)
	if a.output == outputJSON {
		a.printError(err)
	}
	a.tell(err)
	return code
}

// tell says what went wrong and what to do, for people.
func (a *app) tell(err error) {
	a.say("countersign: %s", plain(sentenceOf(err)))
	for _, line := range advice(err) {
		a.say("  %s", plain(line))
	}
}

func exitCode(err error) int {
	var refusal *client.APIError
	var oauth *client.OAuthError
	var lost *client.UnreachableError
	switch {
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &refusal):
		return refusalCode(refusal)
	case errors.As(err, &oauth) && oauth.Status == http.StatusTooManyRequests:
		return exitBudget
	case hardwarehash.ReasonOf(err) != "":
		return exitRows
	case errors.As(err, &oauth) && oauth.Status >= 500, errors.As(err, &lost), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errNotFinished):
		return exitUnreachable
	}
	return exitOther
}

func refusalCode(refusal *client.APIError) int {
	switch {
	case refusal.Status == http.StatusTooManyRequests, refusal.Reason == "larger_than_budget", refusal.Reason == "upload_larger_than_budget":
		return exitBudget
	case refusal.Status == http.StatusForbidden && refusal.NextActor == wire.ActorCustomer:
		return exitCustomer
	case refusal.Status >= 500, refusal.Status == http.StatusRequestTimeout, refusal.Reason == "body_incomplete":
		return exitUnreachable
	}
	return exitOther
}

func sentenceOf(err error) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	return err.Error()
}

// advice is what to do about an error.
func advice(err error) []string {
	var lines []string
	var refusal *client.APIError
	if errors.As(err, &refusal) {
		for _, field := range refusal.Errors {
			lines = append(lines, field.String())
		}
		if code, ok := wire.Lookup(refusal.Reason); ok {
			lines = append(lines, strings.ReplaceAll(code.Advice, "`", ""))
		}
		if refusal.RequestID != "" {
			lines = append(lines, "Request id: "+refusal.RequestID)
		}
	}
	lines = append(lines, wayAdvice(err)...)
	var pending *pendingError
	if errors.As(err, &pending) && pending.hint != "" {
		lines = append(lines, pending.hint)
	}
	return lines
}

// wayAdvice is what to do about what stands between here and the gateway.
func wayAdvice(err error) []string {
	var lost *client.UnreachableError
	var untrusted *client.UntrustedError
	var proxy *client.ProxyError
	switch {
	case errors.As(err, &untrusted) && untrusted.UnknownAuthority:
		return []string{"Give the authority's certificate with --ca-file (COUNTERSIGN_CA_FILE); countersign login keeps it."}
	case errors.As(err, &untrusted):
		return []string{"Nothing was sent. Look at the address and at this machine's clock, or ask whoever runs the gateway."}
	case errors.As(err, &proxy) && proxy.Status == http.StatusProxyAuthRequired:
		return []string{"The proxy wants credentials: HTTPS_PROXY=http://user:password@" + proxy.Proxy}
	case errors.As(err, &proxy):
		return []string{"HTTPS_PROXY names this proxy; NO_PROXY lists the hosts that need none."}
	case errors.As(err, &lost) && lost.Sent:
		return []string{"Whether the gateway carried the call out is not known."}
	}
	return nil
}

// failure is the JSON of an error.
type failure struct {
	ExitCode  int           `json:"exitCode"`
	Message   string        `json:"message"`
	Advice    []string      `json:"advice"`
	Reason    string        `json:"reason,omitzero"` // stable word: of the gateway's refusal, or why something is no hardware hash
	RequestID string        `json:"requestId,omitzero"`
	Problem   *wire.Problem `json:"problem,omitzero"` // of a refusal by the gateway
}

func failureOf(err error) *failure {
	f := &failure{ExitCode: exitCode(err), Message: sentenceOf(err), Advice: orEmpty(advice(err)), Reason: string(hardwarehash.ReasonOf(err))}
	var refusal *client.APIError
	if errors.As(err, &refusal) {
		f.Problem, f.Reason, f.RequestID = &refusal.Problem, refusal.Reason, refusal.RequestID
	}
	return f
}

func (a *app) printError(err error) {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(map[string]any{"error": failureOf(err)}) // stdout is gone: the sentence on stderr is left
}
