package authz_test

import (
	"context"
	"testing"

	"countersign/authz"
)

// FuzzVerify: whatever is sent, the verifier neither panics nor accepts anything
// but the one token it issued.
func FuzzVerify(f *testing.F) {
	x := newFixture(f)
	good := x.tokenFor(f)
	f.Add(good)
	f.Add(good + ".")
	f.Add(x.accessToken(f, map[string]any{"crit": []string{"x"}}, nil))
	f.Fuzz(func(t *testing.T, raw string) {
		_, err := x.verifier.Verify(context.Background(), authz.Presentation{Token: raw})
		if err == nil && raw != good {
			t.Fatalf("accepted %q", raw)
		}
	})
}
