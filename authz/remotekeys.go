package authz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// How long key sets that clients publish themselves (jwks_uri) are used.
const (
	// keysFreshFor is how long a key that was taken out of a set may still be accepted.
	keysFreshFor = 10 * time.Minute
	// keysStaleFor is how long a set is used while its address does not answer.
	keysStaleFor = 24 * time.Hour
	// keysTryEvery bounds how often one address is asked, whatever assertions name.
	keysTryEvery = time.Minute
	keysTimeout  = 5 * time.Second
)

var errKeysAway = errors.New("the client's key set cannot be fetched")

// RemoteKeys fetches the key sets that clients publish and keeps them. It is safe for
// concurrent use.
type RemoteKeys struct {
	http *http.Client
	now  func() time.Time
	read func(text string) ([]verifyKey, error)

	mu   sync.Mutex
	sets map[string]*remoteSet
}

// remoteSet is one key set; its lock lets one request fetch while others wait for it.
type remoteSet struct {
	mu             sync.Mutex
	keys           []verifyKey
	fetched, tried time.Time
}

// NewRemoteKeys takes the way to addresses that others chose: it must follow no redirect and
// reach no address of the operator's own network.
func NewRemoteKeys(outside *http.Client, now func() time.Time) *RemoteKeys {
	return &RemoteKeys{http: outside, now: now, read: readKeySet, sets: map[string]*remoteSet{}}
}

// Check fetches a key set to see that it can be used, before its address is stored. Its error
// may be shown.
func (r *RemoteKeys) Check(ctx context.Context, address string) error {
	_, err := r.fetch(ctx, address)
	return err
}

// find returns the key of a set that an assertion names. A key that is not in it has the set
// fetched anew, but not more often than once a minute.
func (r *RemoteKeys) find(ctx context.Context, address string, head header) (verifyKey, error) {
	set := r.of(address)
	set.mu.Lock()
	defer set.mu.Unlock()
	now := r.now()
	key, err := pickFrom(set.keys, head)
	if wanted := err != nil || now.Sub(set.fetched) >= keysFreshFor; wanted && now.Sub(set.tried) >= keysTryEvery {
		set.tried = now
		// A caller that hangs up must not have the set looked upon as away.
		if keys, failed := r.fetch(context.WithoutCancel(ctx), address); failed == nil {
			set.keys, set.fetched = keys, now
		}
		key, err = pickFrom(set.keys, head)
	}
	if now.Sub(set.fetched) >= keysStaleFor {
		return verifyKey{}, errKeysAway
	}
	return key, err
}

func (r *RemoteKeys) of(address string) *remoteSet {
	r.mu.Lock()
	defer r.mu.Unlock()
	set := r.sets[address]
	if set == nil {
		set = &remoteSet{}
		r.sets[address] = set
	}
	return set
}

func (r *RemoteKeys) fetch(ctx context.Context, address string) ([]verifyKey, error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, ErrKeySet.WithDetail("The address of the key set cannot be used.")
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, ErrKeySet.WithDetail("The key set cannot be fetched: %s. Its address must be reachable by https from this service, without redirect.", reason(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, ErrKeySet.WithDetail("The key set cannot be fetched: its address answers with %d.", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySetBytes+1))
	if err != nil {
		return nil, ErrKeySet.WithDetail("The key set cannot be fetched: it broke off, or is larger than %d bytes.", maxKeySetBytes)
	}
	return r.read(string(text))
}

// reason is the innermost cause: what stands around it repeats the address.
func reason(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return fmt.Sprint(err)
		}
		err = next
	}
}
