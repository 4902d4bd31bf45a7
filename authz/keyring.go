package authz

import (
	"cmp"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// signsFrom is the header of a key file (RFC 1421 form) that says from when its key signs.
const signsFrom = "Signs-From"

// keptAfter is how long a key for tokens goes on verifying after the next one signs: as
// long as a token lives, and the difference between the clocks of two replicas.
const keptAfter = AccessTokenLife + time.Minute

// serverKey is one key of ours.
type serverKey struct {
	verifyKey
	private *ecdsa.PrivateKey
	public  jwk
	file    string
	from    time.Time // when it begins to sign; zero for always
	until   time.Time // when it stops verifying; zero for never
}

func (k serverKey) verifiesAt(now time.Time) bool { return k.until.IsZero() || now.Before(k.until) }

// keyRing is the keys of one purpose as their files were at one moment, in the order in which
// they sign.
type keyRing struct {
	keys []serverKey
	seen string
}

func readRing(paths []string, purpose Purpose) (*keyRing, error) {
	ring := &keyRing{}
	for _, path := range paths {
		key, err := readServerKey(path, purpose)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(ring.keys, func(k serverKey) bool { return k.id == key.id }) {
			return nil, fmt.Errorf("%s holds the same key as another file: remove one of them", path)
		}
		ring.keys = append(ring.keys, key)
	}
	slices.SortStableFunc(ring.keys, func(a, b serverKey) int { return cmp.Or(a.from.Compare(b.from), cmp.Compare(a.file, b.file)) })
	for i := range ring.keys[1:] {
		// What ledgers and receipts hold is read years later.
		if next := ring.keys[i+1].from; purpose == PurposeToken && !next.IsZero() {
			ring.keys[i].until = next.Add(keptAfter)
		}
	}
	return ring, nil
}

func readServerKey(path string, purpose Purpose) (serverKey, error) {
	private, from, err := readPrivateKey(path)
	if err != nil {
		return serverKey{}, err
	}
	public, err := newJWK(&private.PublicKey)
	if err != nil {
		return serverKey{}, fmt.Errorf("%s: %w", path, err)
	}
	thumbprint, err := public.thumbprint()
	if err != nil {
		return serverKey{}, fmt.Errorf("%s: %w", path, err)
	}
	public.Kid, public.Use = purpose.keyID(thumbprint), "sig"
	return serverKey{
		verifyKey: verifyKey{id: public.Kid, alg: algES256, public: &private.PublicKey},
		private:   private, public: public, file: filepath.Base(path), from: from,
	}, nil
}

// signing is the key that signs at a moment: the last that has begun to.
func (r *keyRing) signing(now time.Time) serverKey {
	signs := r.keys[0]
	for _, k := range r.keys[1:] {
		if !k.from.After(now) {
			signs = k
		}
	}
	return signs
}

func (r *keyRing) find(kid string, now time.Time) (verifyKey, bool) {
	for _, k := range r.keys {
		if k.id == kid {
			return k.verifyKey, k.verifiesAt(now)
		}
	}
	return verifyKey{}, false
}

func (r *keyRing) published(now time.Time) []jwk {
	var out []jwk
	for _, k := range r.keys {
		if k.verifiesAt(now) {
			out = append(out, k.public)
		}
	}
	return out
}

// KeyState is where a key of ours stands.
type KeyState struct {
	File      string
	ID        string    // its kid
	SignsFrom time.Time // zero for always
	Until     time.Time // when it stops verifying; zero for never
	Signs     bool      // whether it is the one that signs now
	Over      bool      // whether it verifies nothing any more
}

// List tells where the keys stand, in the order in which they sign.
func (k *Keys) List() []KeyState {
	ring, now := k.ring.Load(), k.now()
	signs := ring.signing(now).id
	states := make([]KeyState, len(ring.keys))
	for i, key := range ring.keys {
		states[i] = KeyState{File: key.file, ID: key.id, SignsFrom: key.from, Until: key.until, Signs: key.id == signs, Over: !key.verifiesAt(now)}
	}
	return states
}

// Limits of a rotation that is planned.
const (
	// MinKeyLead is how long a new key is published at least before it signs: every
	// replica looks at the files once a second.
	MinKeyLead = 5 * time.Second
	MaxKeyLead = 30 * 24 * time.Hour
)

// ErrKeyWaiting says that a rotation is under way already.
var ErrKeyWaiting = errors.New("a new key is waiting for its time already")

// Rotate makes the next key, which signs after lead. The one before goes on verifying for
// as long as what it signed lives. Of several that rotate at the same time one makes the
// key; the others get ErrKeyWaiting, or find that key made.
func (k *Keys) Rotate(lead time.Duration) error {
	if lead < MinKeyLead || lead > MaxKeyLead {
		return fmt.Errorf("the time until the new key signs must be between %v and %v", MinKeyLead, MaxKeyLead)
	}
	if _, err := k.Refresh(); err != nil {
		return err
	}
	now, seen := k.now(), k.ring.Load()
	for _, key := range seen.keys {
		if key.from.After(now) {
			return fmt.Errorf("%w: %s signs from %s", ErrKeyWaiting, key.file, key.from.UTC().Format(time.RFC3339))
		}
	}
	return k.next(seen, now.Add(lead).Truncate(time.Second))
}

// Replace makes a new key that signs at once and deletes all others: what they signed is
// worth nothing any more. It is for keys that others may have.
func (k *Keys) Replace() error {
	if _, err := k.Refresh(); err != nil {
		return err
	}
	old := k.ring.Load()
	if err := k.next(old, k.now().Truncate(time.Second)); err != nil {
		return err
	}
	if err := k.remove(old.keys); err != nil {
		return err
	}
	_, err := k.Refresh()
	return err
}

// Prune deletes the files of keys that verify nothing any more, and returns their names.
func (k *Keys) Prune() ([]string, error) {
	var over []serverKey
	var names []string
	for _, key := range k.ring.Load().keys {
		if !key.verifiesAt(k.now()) {
			over, names = append(over, key), append(names, key.file)
		}
	}
	if err := k.remove(over); err != nil {
		return nil, err
	}
	_, err := k.Refresh()
	return names, err
}
