package linear

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Kind is what an operation does to one grant, or sees of it.
type Kind string

// The operations.
const (
	Grant    Kind = "grant"    // the customer said yes
	Suspend  Kind = "suspend"  // the customer paused it
	Resume   Kind = "resume"   // and let it go on
	Stop     Kind = "stop"     // a revoke began: nothing is accepted any more
	Fence    Kind = "fence"    // the core took it: nothing is registered any more
	End      Kind = "end"      // it is told so: the grant shows as revoked
	Expire   Kind = "expire"   // the database's clock passed the expiry
	Accept   Kind = "accept"   // the gateway accepted an upload under the grant
	Refuse   Kind = "refuse"   // the gateway refused an upload for want of consent
	Register Kind = "register" // the core registered Op.N devices under the grant
	Look     Kind = "look"     // a reader saw Op.State
	Count    Kind = "count"    // a reader counted Op.N devices on the core's record
	List     Kind = "list"     // a reader counted Op.N accepted uploads
)

// Never is the return of an operation whose outcome nobody saw: it happens at any
// time after its call.
const Never int64 = math.MaxInt64

// Op is one operation on one grant. Call and Return are nanoseconds of one clock,
// or steps of a forced schedule.
type Op struct {
	Kind   Kind   `json:"kind"`
	Grant  string `json:"grant"`
	N      int    `json:"n,omitempty"`
	State  string `json:"state,omitempty"`
	Client int    `json:"client"` // who called, for the picture
	Call   int64  `json:"call"`
	Return int64  `json:"return"`
	Note   string `json:"note,omitempty"` // what it was, for people
}

// History collects operations. It is safe for concurrent use; the zero value is
// empty.
type History struct {
	mu  sync.Mutex
	ops []Op
}

// Add records operations that are over, or whose outcome will stay unknown.
func (h *History) Add(ops ...Op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, ops...)
}

// Revoked records a revoke that was called and answered. Unless done, the core had
// not acknowledged, and only acceptance is known to be over; with Never not even
// that.
func (h *History) Revoked(grant string, client int, call, answered int64, done bool, note string) {
	final := answered
	if !done {
		final = Never
	}
	h.Add(
		Op{Kind: Stop, Grant: grant, Client: client, Call: call, Return: answered, Note: note},
		Op{Kind: Fence, Grant: grant, Client: client, Call: call, Return: final, Note: note},
		Op{Kind: End, Grant: grant, Client: client, Call: call, Return: final, Note: note},
	)
}

// Ops returns a copy of the history, in the order of the calls.
func (h *History) Ops() []Op {
	h.mu.Lock()
	defer h.mu.Unlock()
	ops := slices.Clone(h.ops)
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	return ops
}

// byGrant splits the history, in the order of the grants' first calls.
func (h *History) byGrant() (names []string, parts map[string][]Op) {
	parts = map[string][]Op{}
	for _, op := range h.Ops() {
		if parts[op.Grant] == nil {
			names = append(names, op.Grant)
		}
		parts[op.Grant] = append(parts[op.Grant], op)
	}
	return names, parts
}

// Save writes the history as JSON into a folder, which it makes.
func (h *History) Save(dir string) (string, error) {
	text, err := json.MarshalIndent(h.Ops(), "", " ")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("keep the history: %w", err)
	}
	file := filepath.Join(dir, "history.json")
	return file, os.WriteFile(file, text, 0o600)
}
