package registration

import (
	"strconv"

	"countersign/models"
	"countersign/registration/match"
)

// verdict is the matcher's word in terms of known devices.
type verdict struct {
	match.Verdict
	to       *known   // the device, when one matched
	involved []*known // those in conflict, when attention is needed
}

// judge matches a capture against the identities that share a key with it: active
// registrations first, then devices that are registered to nobody.
func judge(device *models.Identity, among []*known) verdict {
	return inTerms(match.Decide(deviceOf(device), candidatesFor(among)), among)
}

// find looks a product key id or tuple up among the identities that share its key.
func find(claimed *models.Identity, among []*known) verdict {
	return inTerms(match.Find(deviceOf(claimed), candidatesFor(among)), among)
}

func candidatesFor(among []*known) []match.Candidate {
	out := make([]match.Candidate, len(among))
	for i, k := range among {
		out[i] = match.Candidate{ID: name(k), State: match.Unregistered, Identity: deviceOf(&k.Identity)}
		if k.registered() {
			out[i].State = match.Active
		}
	}
	return out
}

// name is an identity's name among the candidates of one call.
func name(k *known) string { return strconv.FormatInt(k.ID, 10) }

func inTerms(v match.Verdict, among []*known) verdict {
	byName := make(map[string]*known, len(among))
	for _, k := range among {
		byName[name(k)] = k
	}
	out := verdict{Verdict: v}
	if v.Outcome == match.Match {
		out.to = byName[v.ID]
	}
	for _, id := range v.Involved {
		out.involved = append(out.involved, byName[id])
	}
	return out
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
