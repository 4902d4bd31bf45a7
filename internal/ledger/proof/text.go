package proof

import (
	"fmt"
	"strings"
	"time"
)

// headings of a receipt in words, one set per language.
type headings struct {
	title, record, partner, customer, addressed, event, by, reason, purpose, reference string
	proof, withdrawal                                                                  string
}

var titles = map[string]headings{
	"en": {
		title: "Receipt", record: "Consent", partner: "Partner", customer: "Customer", addressed: "Addressed as", event: "What happened",
		by: "By", reason: "Reason", purpose: "Purpose", reference: "Reference", proof: "Ledger", withdrawal: "Address",
	},
	"de": {
		title: "Beleg", record: "Einwilligung", partner: "Partner", customer: "Kunde", addressed: "Angesprochen als", event: "Was geschah",
		by: "Durch", reason: "Grund", purpose: "Zweck", reference: "Bezug", proof: "Verzeichnis", withdrawal: "Adresse",
	},
}

// Text says a receipt in words, for a person to read and to print. A language that the
// receipt does not speak gets its first. Text proves nothing; the JWS does.
func (r Receipt) Text(language string) string {
	notice := r.notice(language)
	t, ok := titles[notice.Language]
	if !ok {
		t = titles["en"]
	}
	var out strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&out, "%-18s %s\n", name+":", value)
		}
	}
	field(t.title, r.ReceiptID)
	field(t.record, r.RecordID)
	for _, p := range r.Parties {
		name := t.partner
		if p.Role == "customer" {
			name = t.customer
		}
		field(name, strings.TrimSpace(p.Name+" "+p.ID))
		field(t.addressed, p.Addressed)
	}
	field(t.event, r.Event.Type+" → "+r.Event.State+", "+r.Event.Time.UTC().Format(time.RFC3339Nano))
	field(t.by, strings.TrimSpace(strings.Join([]string{r.Event.By, r.Event.Role, r.Event.Name}, " ")))
	field(t.reason, r.Event.Reason)
	field(t.purpose, r.Terms.Purpose)
	field(t.reference, r.Terms.Reference)
	out.WriteString("\n")
	sentences(&out, notice)
	out.WriteString("\n")
	field(t.withdrawal, r.WithdrawalMethod)
	field(t.proof, fmt.Sprintf("%s %d, sha256 %s", r.Ledger.Chain, r.Ledger.Seq, r.Ledger.Hash))
	return out.String()
}

func sentences(out *strings.Builder, n Notice) {
	for _, part := range [][]string{n.May, n.Cannot, n.Limits, {n.Until}, n.Happens, n.Data, {n.End}} {
		for _, sentence := range part {
			fmt.Fprintf(out, "- %s\n", sentence)
		}
	}
	fmt.Fprintf(out, "  (%s %s, sha256 %s)\n", n.Language, n.Version, n.SHA256)
}

func (r Receipt) notice(language string) Notice {
	for _, n := range r.Notices {
		if n.Language == language {
			return n
		}
	}
	if len(r.Notices) > 0 {
		return r.Notices[0]
	}
	return Notice{}
}
