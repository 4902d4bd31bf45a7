package match

import (
	"cmp"

	"countersign/registration/hardwarehash"
)

// Pair names two candidates that a person settled to be different devices.
type Pair [2]string

// Settled returns the candidates with those marked as excluded that a settlement
// rules out for this subject: of each pair, when the subject is clearly one side,
// the other side.
//
// The subject is clearly a side if the rules match it with that side alone and do
// not with the other, or match both and it is closer to that side. If it is
// neither, or both equally, the pair says nothing about it and both sides are
// judged as ever. Closeness is an order, so the candidate that the subject is
// closest to is never excluded, whatever the number of pairs; and it does not
// depend on the order of candidates or pairs.
func Settled(subject hardwarehash.Identity, candidates []Candidate, pairs []Pair) []Candidate {
	if len(pairs) == 0 {
		return candidates
	}
	out := append([]Candidate(nil), candidates...)
	at := make(map[string]int, len(out))
	for i, c := range out {
		at[c.ID] = i
	}
	for _, p := range pairs {
		i, one := at[p[0]]
		j, other := at[p[1]]
		if !one || !other || candidates[i].State == Retired || candidates[j].State == Retired {
			continue
		}
		switch closer(subject, candidates[i], candidates[j]) {
		case -1:
			out[j].Excluded = true
		case 1:
			out[i].Excluded = true
		}
	}
	return out
}

// closer says which of two candidates the subject clearly is: -1 the first, 1 the
// second, 0 neither.
func closer(subject hardwarehash.Identity, a, b Candidate) int {
	with := [2]compared{{a, Compare(subject, a.Identity)}, {b, Compare(subject, b.Identity)}}
	isA := judge(subject, with[:1], nil).Outcome == Match
	isB := judge(subject, with[1:], nil).Outcome == Match
	switch {
	case isA && !isB:
		return -1
	case isB && !isA:
		return 1
	case !isA:
		return 0
	}
	return cmp.Or(
		cmp.Compare(with[1].anchors(Agrees), with[0].anchors(Agrees)),
		agreesFirst(with[0].D, with[1].D),
		cmp.Compare(adaptersApart(subject.MACs, a.Identity.MACs), adaptersApart(subject.MACs, b.Identity.MACs)),
		agreesFirst(with[0].K, with[1].K),
	)
}

// adaptersApart counts the adapters that one side has and the other has not.
func adaptersApart(a, b []hardwarehash.MAC) int {
	n := 0
	for _, mac := range a {
		if !holds(b, mac) {
			n++
		}
	}
	for _, mac := range b {
		if !holds(a, mac) {
			n++
		}
	}
	return n
}
