package match

import (
	"cmp"
	"slices"

	"countersign/registration/hardwarehash"
)

// compared is a candidate with its comparison to the subject.
type compared struct {
	Candidate
	Comparison
}

// Decide judges a captured device against every known device that shares an index
// key with it. Excluded and retired candidates are left out.
func Decide(subject hardwarehash.Identity, candidates []Candidate) Verdict {
	var active, unregistered []compared
	for _, c := range candidates {
		if c.Excluded || c.State == Retired {
			continue
		}
		with := compared{c, Compare(subject, c.Identity)}
		switch {
		case with.sharesNothing():
		case c.State == Active:
			active = append(active, with)
		default:
			unregistered = append(unregistered, with)
		}
	}
	first := judge(subject, active, active)
	if first.Outcome != NoMatch || len(unregistered) == 0 {
		return first
	}
	second := judge(subject, unregistered, active)
	if second.Outcome == NoMatch {
		first.Rule = 6 // candidates there were, though perhaps no active one
		return first
	}
	second.Predecessor = first.Predecessor
	return second
}

// judge runs rules 1 to 6 over one pool. Shared parts are looked for among the
// active registrations in either case.
func judge(subject hardwarehash.Identity, pool, active []compared) Verdict {
	if len(pool) == 0 {
		return Verdict{Outcome: NoMatch, Rule: 1}
	}
	anchored := withoutCollisions(anchoredIn(pool))
	switch len(anchored) {
	case 0:
		return noAnchor(pool)
	case 1:
		return single(subject, anchored[0], active)
	}
	return attention(2, SplitIdentity, anchored)
}

func anchoredIn(pool []compared) []compared {
	var out []compared
	for _, c := range pool {
		if c.anchors(Agrees) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// withoutCollisions drops devices that merely state the same serial, provided
// that exactly one other candidate is clearly the subject. Without it a device
// could no longer be recognised once a second one claims its serial.
func withoutCollisions(anchored []compared) []compared {
	var clear, rest []compared
	for _, c := range anchored {
		switch {
		case c.anchors(Agrees) >= 2 && c.anchors(Differs) == 0:
			clear = append(clear, c)
		case c.onlySerial() && (c.E == Differs || c.U == Differs):
		default:
			rest = append(rest, c)
		}
	}
	if len(clear) != 1 {
		return anchored
	}
	return append(clear, rest...)
}

func (c Comparison) onlySerial() bool { return c.S == Agrees && c.anchors(Agrees) == 1 }

// single applies rules 3 to 5 to the only candidate with an agreeing anchor.
func single(subject hardwarehash.Identity, c compared, active []compared) Verdict {
	switch {
	case c.anchors(Differs) > 0:
		return attention(4, conflictReason(c.Comparison), []compared{c})
	case c.anchors(Agrees) >= 2:
		if donors := donorsOf(subject, c, active); len(donors) > 0 {
			return attention(3, SharedPart, append([]compared{c}, donors...))
		}
		return matched(3, c)
	case c.S != Agrees && c.partAgrees():
		return matched(5, c)
	}
	return attention(5, Thin, []compared{c})
}

// conflictReason tells two machines with one serial from one machine with a new
// board. Parts that are unknown do not speak for a collision.
func conflictReason(c Comparison) Reason {
	if c.onlySerial() && !c.partAgrees() && (c.D == Differs || c.N == Differs) {
		return SerialCollision
	}
	return BoardOrTPMChanged
}

// donorsOf lists other active registrations that hold a disk or adapter which the
// subject has and the matched device did not have before. The matched device
// itself can never be among them.
func donorsOf(subject hardwarehash.Identity, m compared, active []compared) []compared {
	var donors []compared
	for _, c := range active {
		disk := c.D == Agrees && m.D != Agrees
		if disk || gaveAdapter(subject.MACs, m.Identity.MACs, c.Identity.MACs) {
			donors = append(donors, c)
		}
	}
	return donors
}

func gaveAdapter(subject, before, donor []hardwarehash.MAC) bool {
	for _, mac := range subject {
		if holds(donor, mac) && !holds(before, mac) {
			return true
		}
	}
	return false
}

func holds(macs []hardwarehash.MAC, mac hardwarehash.MAC) bool { return slices.Contains(macs, mac) }

// noAnchor is rule 6. Decide keeps the predecessor only of the pool of active
// registrations: parts of devices that nobody has registered say nothing.
func noAnchor(pool []compared) Verdict {
	v := Verdict{Outcome: NoMatch, Rule: 6}
	var from []compared
	for _, c := range pool {
		if c.partAgrees() {
			from = append(from, c)
		}
	}
	if len(from) > 0 {
		best := slices.MinFunc(from, strongerFirst)
		v.Predecessor, v.Comparison = best.ID, best.Comparison
	}
	return v
}

func matched(rule int, c compared) Verdict {
	return Verdict{
		Outcome: Match, Rule: rule, ID: c.ID, Registered: c.State == Active,
		Comparison: c.Comparison, WithoutTPM: c.E == Unknown,
	}
}

// attention names the strongest candidate and lists all.
func attention(rule int, reason Reason, involved []compared) Verdict {
	best := slices.MinFunc(involved, strongerFirst)
	v := Verdict{
		Outcome: Attention, Rule: rule, Reason: reason, ID: best.ID,
		Registered: best.State == Active, Comparison: best.Comparison,
	}
	for _, c := range involved {
		v.Involved = append(v.Involved, c.ID)
	}
	slices.Sort(v.Involved)
	return v
}

// strongerFirst orders by agreeing anchors, then conflicts, then disk, then
// id, so that no verdict depends on the order of candidates.
func strongerFirst(a, b compared) int {
	return cmp.Or(
		cmp.Compare(b.anchors(Agrees), a.anchors(Agrees)),
		cmp.Compare(a.anchors(Differs), b.anchors(Differs)),
		agreesFirst(a.D, b.D),
		cmp.Compare(a.ID, b.ID),
	)
}

func agreesFirst(a, b Agreement) int {
	switch {
	case a == b || a != Agrees && b != Agrees:
		return 0
	case a == Agrees:
		return -1
	}
	return 1
}
