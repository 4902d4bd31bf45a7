package linear

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// phase is what a customer said last.
type phase byte

const (
	none      phase = iota // there is no grant yet
	active                 //
	suspended              //
	stopped                // a revoke has begun
)

// grant is all that the rules look at. It is comparable, as the checker needs.
type grant struct {
	phase   phase
	fenced  bool // the core refuses it
	ended   bool // it shows as revoked
	expired bool
	uploads int // accepted
	devices int // registered
}

func (g grant) open() bool { return g.phase == active && !g.expired }

// rules say when an operation is legal, and what it makes of the grant.
var rules = map[Kind]func(grant, Op) (grant, bool){
	Grant:   func(g grant, _ Op) (grant, bool) { return g.in(active), g.phase == none },
	Suspend: func(g grant, _ Op) (grant, bool) { return g.in(suspended), g.phase == active },
	Resume:  func(g grant, _ Op) (grant, bool) { return g.in(active), g.phase == suspended },
	// A revoke may be asked for twice and never ends a grant twice, so that its
	// parts change nothing the second time.
	Stop:  func(g grant, _ Op) (grant, bool) { return g.in(stopped), g.phase != none },
	Fence: func(g grant, _ Op) (grant, bool) { g.fenced = true; return g, g.phase == stopped },
	End:   func(g grant, _ Op) (grant, bool) { g.ended = true; return g, g.fenced },
	Expire: func(g grant, _ Op) (grant, bool) {
		g.expired = true
		return g, g.phase != none
	},
	Accept: func(g grant, _ Op) (grant, bool) {
		g.uploads++
		return g, g.open()
	},
	Refuse: func(g grant, _ Op) (grant, bool) { return g, !g.open() },
	// What was accepted may be registered while the grant is paused or a revoke is
	// under way; only the core's fence and the expiry forbid it.
	Register: func(g grant, op Op) (grant, bool) {
		g.devices += op.N
		return g, g.phase != none && !g.fenced && !g.expired
	},
	Look:  func(g grant, op Op) (grant, bool) { return g, g.shows(op.State) },
	Count: func(g grant, op Op) (grant, bool) { return g, g.devices == op.N },
	List:  func(g grant, op Op) (grant, bool) { return g, g.uploads == op.N },
}

func (g grant) in(p phase) grant {
	g.phase = p
	return g
}

// shows tells whether the interface may show a state. Expiry is judged where it
// matters and written down later, so that an expired grant may still show as active.
func (g grant) shows(state string) bool {
	switch state {
	case "active":
		return g.phase == active
	case "suspended":
		return g.phase == suspended
	case "revoking":
		return g.phase == stopped && !g.ended
	case "revoked":
		return g.ended
	case "expired":
		return g.expired
	}
	return false
}

func (g grant) String() string {
	words := []string{"none", "active", "suspended", "stopped"}[g.phase]
	if g.fenced {
		words += ", fenced"
	}
	if g.ended {
		words += ", ended"
	}
	if g.expired {
		words += ", expired"
	}
	return fmt.Sprintf("%s, %d uploads, %d devices", words, g.uploads, g.devices)
}

// model is the rules in the form the checker takes.
var model = porcupine.Model{
	Init: func() any { return grant{} },
	Step: func(state, input, _ any) (bool, any) {
		op := input.(Op)
		rule, known := rules[op.Kind]
		if !known {
			return false, state
		}
		next, legal := rule(state.(grant), op)
		return legal, next
	},
	DescribeOperation: func(input, _ any) string { return input.(Op).String() },
	DescribeState:     func(state any) string { return state.(grant).String() },
}

// String is the operation in words, for pictures and errors.
func (op Op) String() string {
	switch op.Kind {
	case Register, Count, List:
		return fmt.Sprintf("%s %d %s", op.Kind, op.N, op.Note)
	case Look:
		return fmt.Sprintf("look: %s %s", op.State, op.Note)
	case Grant, Suspend, Resume, Stop, Fence, End, Expire, Accept, Refuse:
	}
	return fmt.Sprintf("%s %s", op.Kind, op.Note)
}
