package match

import "countersign/registration/hardwarehash"

// Find answers a claim without a hash: by manufacturer, product and serial if all
// three are stated, otherwise by product key id. Every device that is not retired
// counts, registered or not. Exactly one fit is a Match, none NoMatch, several
// Attention with NotUnique. Letter case counts.
func Find(claim hardwarehash.Identity, candidates []Candidate) Verdict {
	var fits []compared
	for _, c := range candidates {
		if c.Excluded || c.State == Retired {
			continue
		}
		with := compared{c, Compare(claim, c.Identity)}
		if with.S == Agrees || !claim.HasTuple() && with.K == Agrees {
			fits = append(fits, with)
		}
	}
	switch len(fits) {
	case 0:
		return Verdict{Outcome: NoMatch}
	case 1:
		return matched(0, fits[0])
	}
	return attention(0, NotUnique, fits)
}
