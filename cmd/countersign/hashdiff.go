package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"countersign/registration/hardwarehash"
	"countersign/registration/match"
)

func (a *app) hashDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff A B",
		Short: "Say whether two captures are one device, and why",
		Long: `Say whether two captures are one device, and why, by the rules the registration core decides by: A is taken
as the only registered device. Each identifier agrees, conflicts or is unknown; everything else that differs is shown as
ignored. The order of A and B does not matter. Exit code 0: one device; 3: two devices, or a person must decide.
Nothing leaves this machine.`,
		Example: `  countersign hash diff january.txt june.txt
  countersign hash diff OA3.xml decoded.xml -o json
  countersign hash fake --repair board hash.txt | countersign hash diff hash.txt -`,
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] == "-" && args[1] == "-" {
				return errors.New("only one of the two can be standard input")
			}
			var reports [2]*hardwarehash.Report
			for i, arg := range args {
				input, err := a.hashInput([]string{arg})
				if err != nil {
					return err
				}
				if reports[i], err = oneHash(input); err != nil {
					a.say("%s:", plain(arg))
					return err
				}
			}
			return a.printDifference(differenceOf(reports[0], reports[1]))
		},
	}
}

// difference is the JSON of a comparison.
type difference struct {
	Same        bool             `json:"same"`    // the core would call them one device
	Verdict     match.Outcome    `json:"verdict"` // match, no_match or attention
	Rule        int              `json:"rule"`    // of the rules in order, 1 to 6
	Reason      match.Reason     `json:"reason,omitzero"`
	Sentence    string           `json:"sentence"`
	WithoutTPM  bool             `json:"withoutTpm"` // a match without an endorsement key on both sides
	Identical   bool             `json:"identical"`  // the same capture, byte for byte
	Identifiers []comparedValues `json:"identifiers"`
	Ignored     []differentField `json:"ignored"`
}

type comparedValues struct {
	Kind   string `json:"kind"` // E, U, S, D, N or K
	Name   string `json:"name"`
	Anchor bool   `json:"anchor"` // bound to the motherboard
	Result string `json:"result"` // agrees, conflicts or unknown
	A      string `json:"a"`
	B      string `json:"b"`
}

type differentField struct {
	Field string `json:"field"`
	A     string `json:"a"`
	B     string `json:"b"`
}

func differenceOf(a, b *hardwarehash.Report) difference {
	idA, idB := a.Identity(), b.Identity()
	verdict := match.Decide(idB, []match.Candidate{{ID: "A", State: match.Active, Identity: idA}})
	comparison := match.Compare(idA, idB)
	return difference{
		Same: verdict.Outcome == match.Match, Verdict: verdict.Outcome, Rule: verdict.Rule, Reason: verdict.Reason,
		Sentence: explain(verdict), WithoutTPM: verdict.WithoutTPM,
		Identical:   slices.Equal(hardwarehash.Trim(a.Encode()), hardwarehash.Trim(b.Encode())),
		Identifiers: identifiers(comparison, idA, idB), Ignored: ignored(a, b),
	}
}

// explain says by which rule the verdict fell.
func explain(v match.Verdict) string {
	switch {
	case v.Outcome == match.Attention:
		return v.Reason.Sentence()
	case v.Outcome == match.Match && v.Rule == 5:
		return "One identifier of the motherboard agrees, the others are unknown, and the disk or an adapter agrees."
	case v.Outcome == match.Match:
		return "At least two identifiers of the motherboard agree and none conflicts."
	case v.Predecessor != "":
		return "No identifier of the motherboard agrees; the disk or an adapter came from the other device."
	case v.Rule == 1:
		return "Nothing that identifies a device agrees."
	}
	return "No identifier of the motherboard agrees."
}

func identifiers(c match.Comparison, a, b hardwarehash.Identity) []comparedValues {
	left, right := identityOf(a), identityOf(b)
	tuple := func(d decodedIdentity) string {
		return strings.Join([]string{d.Manufacturer, d.Product, d.Serial}, " | ")
	}
	row := func(kind match.Kind, name string, result match.Agreement, a, b string) comparedValues {
		words := map[match.Agreement]string{match.Agrees: "agrees", match.Differs: "conflicts", match.Unknown: "unknown"}
		return comparedValues{Kind: kind.String(), Name: name, Anchor: kind.IsAnchor(), Result: words[result], A: a, B: b}
	}
	return []comparedValues{
		row(match.EndorsementKey, "TPM endorsement key", c.E, left.EK, right.EK),
		row(match.UUID, "SMBIOS UUID", c.U, left.UUID, right.UUID),
		row(match.Serial, "maker, product, serial", c.S, tuple(left), tuple(right)),
		row(match.SystemDisk, "system disk", c.D, left.SystemDisk, right.SystemDisk),
		row(match.Network, "fixed MAC addresses", c.N, strings.Join(left.MACs, " "), strings.Join(right.MACs, " ")),
		row(match.ProductKeyID, "product key id", c.K, left.ProductKeyID, right.ProductKeyID),
	}
}

// identifying are the fields that the identifiers are made of.
var identifying = map[string]bool{
	"EkPubHash": true, "TPM EkPub": true, "OfflineDeviceId": true, "SmbiosUuid": true, "SmbiosSystemManufacturer": true,
	"SmbiosSystemProductName": true, "SmbiosSystemSerialNumber": true, "DiskSSNKernel": true, "ProductKeyID": true,
	"MacAddress": true,
}

// ignored lists what else differs, in the order of the fields: no rule looks at it.
func ignored(a, b *hardwarehash.Report) []differentField {
	left, order := valuesOf(a, nil)
	right, order := valuesOf(b, order)
	out := []differentField{}
	for _, name := range order {
		oneDisk := strings.HasSuffix(name, ".DiskSerialNumber") && len(a.Inventory.Disks) < 2 && len(b.Inventory.Disks) < 2
		if !identifying[name] && !oneDisk && left[name] != right[name] {
			out = append(out, differentField{name, left[name], right[name]})
		}
	}
	return out
}

// valuesOf joins the values of fields that repeat; names that order does not have yet
// are added to it.
func valuesOf(r *hardwarehash.Report, order []string) (map[string]string, []string) {
	values := map[string]string{}
	for _, f := range r.Fields() {
		before, seen := values[f.Name]
		if seen {
			before += ", "
		}
		values[f.Name] = before + f.Value
		if !slices.Contains(order, f.Name) {
			order = append(order, f.Name)
		}
	}
	return values, order
}

func (a *app) printDifference(d difference) error {
	err := a.print(d, func(g *grid) {
		g.row("Verdict:", verdictLine(d))
		g.row("Because:", d.Sentence)
		if d.WithoutTPM && d.Same {
			g.row("Note:", "Without TPM evidence: a new board with serial and UUID rewritten would look the same.")
		}
		g.row("")
		g.row("", "IDENTIFIER", "RESULT", "A", "B")
		for _, i := range d.Identifiers {
			g.row(i.Kind, i.Name, i.Result, short(i.A), short(i.B))
		}
		if len(d.Ignored) > 0 {
			g.row("")
			g.row("", "ALSO DIFFERS", "", "A", "B")
		}
		for _, f := range d.Ignored {
			g.row("", f.Field, "ignored", short(f.A), short(f.B))
		}
	})
	if err == nil && !d.Same {
		return &outcomeError{exitRows}
	}
	return err
}

func verdictLine(d difference) string {
	switch {
	case d.Identical && d.Same:
		return "one device: the same capture, byte for byte"
	case d.Same:
		return "one device"
	case d.Verdict == match.Attention:
		return "a person must decide: " + string(d.Reason)
	}
	return "different devices"
}

// short keeps a table readable; JSON has the whole.
func short(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
