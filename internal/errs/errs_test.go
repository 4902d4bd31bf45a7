package errs_test

import (
	"errors"
	"fmt"
	"testing"

	"countersign/internal/errs"
)

func TestFrom_unclassifiedErrorSaysNothing(t *testing.T) {
	e := errs.From(errors.New("pq: relation grants does not exist"))
	if e.Kind != errs.Internal || e.Detail == "" {
		t.Fatalf("got kind %v detail %q", e.Kind, e.Detail)
	}
	if got := e.Detail; got != errs.From(errors.New("other")).Detail {
		t.Fatalf("the sentence depends on the cause: %q", got)
	}
}

func TestIs_matchesCopiesByCode(t *testing.T) {
	base := errs.New(errs.Conflict, "batch_exists", "exists")
	wrapped := fmt.Errorf("accept: %w", base.WithLocation("/x").WithCause(errors.New("dup")))
	if !errors.Is(wrapped, base) {
		t.Fatal("a copy with a location no longer matches its named error")
	}
	if errors.Is(wrapped, errs.New(errs.Conflict, "other", "")) {
		t.Fatal("a different code matches")
	}
	if base.Location != "" {
		t.Fatal("WithLocation changed the named error itself")
	}
}
