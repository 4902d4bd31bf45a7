package authz

import (
	"crypto/sha256"
	"testing"
	"time"
)

// A token verified under a key that is gone proves nothing any more.
func TestProven_endsWithItsKey(t *testing.T) {
	t.Parallel()
	keys, err := LoadKeys(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC)
	expires, issued := float64(now.Add(time.Minute).Unix()), float64(now.Unix())
	v := &Verifier{keys: keys}
	for _, kid := range []string{keys.List()[0].ID} {
		known := provenToken{kid: kid, claims: claimSet{dates: dates{Expires: &expires, IssuedAt: &issued}}}
		if !v.stillGood(known, now) {
			t.Error("a good token is refused")
		}
		if known.kid = "gone"; v.stillGood(known, now) {
			t.Error("a token of a key that is gone is taken")
		}
	}
}

// However many tokens there are, memory is bounded, and the newest are known.
func TestProven_isBounded(t *testing.T) {
	t.Parallel()
	var p proven
	digest := func(n int) [sha256.Size]byte { return [sha256.Size]byte{byte(n), byte(n >> 8), byte(n >> 16)} }
	for n := range 3 * provenKept {
		p.add(digest(n), provenToken{})
		if _, ok := p.find(digest(n)); !ok {
			t.Fatalf("token %d is not known", n)
		}
	}
	if len(p.young)+len(p.old) > 2*provenKept {
		t.Errorf("%d tokens are kept", len(p.young)+len(p.old))
	}
}
