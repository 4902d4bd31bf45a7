package registration

import (
	"slices"
	"strconv"

	"countersign/models"
	"countersign/registration/match"
)

// verdict is the matcher's word in terms of known devices.
type verdict struct {
	match.Verdict
	to       *known   // the device, when one matched
	involved []*known // those in conflict, when attention is needed
	from     *known   // the device that parts came from, when no anchor agrees
}

// judge matches a capture against the identities that share a key with it: active
// registrations first, then devices that are registered to nobody.
func judge(device *models.Identity, among []*known) verdict {
	subject := deviceOf(device)
	return inTerms(match.Decide(subject, match.Settled(subject, candidatesFor(among), pairsOf(among))), among)
}

// find looks a product key id or tuple up among the identities that share its key.
func find(claimed *models.Identity, among []*known) verdict {
	return inTerms(match.Find(deviceOf(claimed), candidatesFor(among)), among)
}

func candidatesFor(among []*known) []match.Candidate {
	out := make([]match.Candidate, len(among))
	for i, k := range among {
		out[i] = match.Candidate{ID: name(k), State: match.Unregistered, Identity: deviceOf(&k.Identity)}
		switch {
		case k.registered():
			out[i].State = match.Active
		case k.RetiredAt != nil:
			out[i].State = match.Retired
		}
	}
	return out
}

// pairsOf are the settled pairs among known devices.
func pairsOf(among []*known) []match.Pair {
	var pairs []match.Pair
	for i, k := range among {
		for _, other := range among[i+1:] {
			if k.isApart(other) {
				pairs = append(pairs, match.Pair{name(k), name(other)})
			}
		}
	}
	return pairs
}

// isApart reports whether a person told two known devices apart.
func (k *known) isApart(from *known) bool { return slices.Contains(k.apart, from.ID) }

// name is an identity's name among the candidates of one call.
func name(k *known) string { return strconv.FormatInt(k.ID, 10) }

func inTerms(v match.Verdict, among []*known) verdict {
	byName := make(map[string]*known, len(among))
	for _, k := range among {
		byName[name(k)] = k
	}
	out := verdict{Verdict: v, from: byName[v.Predecessor]}
	if v.Outcome == match.Match {
		out.to = byName[v.ID]
	}
	for _, id := range v.Involved {
		out.involved = append(out.involved, byName[id])
	}
	return out
}

// guard withdraws a match with a device that nobody has when what it would become
// states an anchor that a factory record of other hardware owns. The rules let
// such a record pass, because it may only have copied a serial; but both cannot
// own it.
func (v *verdict) guard(become *models.Identity, among []*known) {
	for _, k := range among {
		if k != v.to && k.onRecord() && !k.registered() && !k.isApart(v.to) && shareAnchor(become, &k.Identity) {
			v.Outcome, v.Reason, v.involved = match.Attention, match.SplitIdentity, []*known{v.to, k}
			return
		}
	}
}

// reason is the rule in a few stable words, for histories and sentences.
func (v verdict) reason() string {
	switch {
	case v.Reason != "":
		return string(v.Reason)
	case v.Rule > 0:
		return "rule " + strconv.Itoa(v.Rule)
	}
	return ""
}

// registered reports whether some tenant has the device now.
func (k *known) registered() bool { return k.Active.ID != "" }

// onRecord reports whether the device is a live factory record, registered or not.
func (k *known) onRecord() bool { return k.ReportTrackingID != "" && k.RetiredAt == nil }

// shareAnchor reports whether two devices state one value of an anchor.
func shareAnchor(a, b *models.Identity) bool {
	c := match.Compare(deviceOf(a), deviceOf(b))
	return c.E == match.Agrees || c.U == match.Agrees || c.S == match.Agrees
}
