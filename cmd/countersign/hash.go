package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"countersign/registration/hardwarehash"
)

func (a *app) hashCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Read, check and compare hardware hashes, or make some to try with",
	}
	cmd.AddCommand(a.hashDecodeCommand(), a.hashValidateCommand(), a.hashDiffCommand(), a.hashFakeCommand(), a.hashCollectCommand())
	return cmd
}

func (a *app) hashDecodeCommand() *cobra.Command {
	var asXML bool
	cmd := &cobra.Command{
		Use:   "decode [FILE|-]",
		Short: "Show what a hardware hash says",
		Long: `Show what a hardware hash says: its text, its raw bytes, a factory report (OA3.xml) that holds it, or
several, or what OA3Tool printed with /DecodeHwHash. With --xml it is printed as OA3Tool would.
Nothing leaves this machine. A hash that is not valid ends with exit code 3 and the reason: which record, which byte.`,
		Example: `  countersign hash decode hash.txt
  countersign hash decode OA3.xml -o json
  countersign hash decode OA3.xml --xml > decoded.xml
  cat hash.txt | countersign hash decode`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if asXML && a.output == outputJSON {
				return errors.New("give --xml or --output json, not both")
			}
			input, err := a.hashInput(args)
			if err != nil {
				return err
			}
			found, err := findHashes(input)
			if err != nil {
				return err
			}
			if len(found) == 1 {
				return a.showHash(found[0], asXML)
			}
			return a.showHashes(found, asXML)
		},
	}
	cmd.Flags().BoolVar(&asXML, "xml", false, "print as OA3Tool /DecodeHwHash does")
	return cmd
}

func (a *app) showHash(f foundHash, asXML bool) error {
	if f.err != nil {
		return f.err
	}
	if asXML {
		_, err := a.out.Write(f.report.XML())
		return err
	}
	d := decodedOf(f.report)
	return a.print(d, d.table)
}

// decodedKey is one of several hashes of a file.
type decodedKey struct {
	ProductKeyID string   `json:"productKeyId,omitzero"` // as the file states it beside the hash
	Decoded      *decoded `json:"decoded,omitzero"`
	Error        *failure `json:"error,omitzero"`
}

// showHashes shows every hash of a file; one that cannot be read does not hide the
// others.
func (a *app) showHashes(found []foundHash, asXML bool) error {
	bad := false
	items := make([]decodedKey, len(found))
	for i, f := range found {
		items[i].ProductKeyID = f.productKeyID
		if f.err != nil {
			bad = true
			items[i].Error = failureOf(f.err)
			a.say("Key %d %s: %s", i+1, plain(f.productKeyID), plain(f.err.Error()))
			continue
		}
		items[i].Decoded = decodedOf(f.report)
		if asXML {
			if _, err := a.out.Write(f.report.XML()); err != nil {
				return err
			}
		}
	}
	if !asXML {
		err := a.print(newListing(items, false), func(g *grid) {
			for i, item := range items {
				g.row(fmt.Sprintf("Key %d of %d", i+1, len(items)), item.ProductKeyID)
				if item.Decoded != nil {
					item.Decoded.table(g)
				}
				g.row("")
			}
		})
		if err != nil {
			return err
		}
	}
	if bad {
		return &outcomeError{exitRows}
	}
	return nil
}

// decoded is the JSON of a hash.
type decoded struct {
	Identity decodedIdentity        `json:"identity"`
	Warnings []hardwarehash.Warning `json:"warnings"` // about the hash itself
	Quality  []hardwarehash.Warning `json:"quality"`  // about what recognising the device depends on
	Fields   []hardwarehash.Field   `json:"fields"`
}

type decodedIdentity struct {
	Manufacturer string   `json:"manufacturer"`
	Product      string   `json:"product"`
	Serial       string   `json:"serialNumber"`
	ProductKeyID string   `json:"productKeyId"`
	UUID         string   `json:"smbiosUuid"`
	EK           string   `json:"ekDigest"` // SHA-256 of the TPM's endorsement key
	SystemDisk   string   `json:"systemDisk"`
	MACs         []string `json:"macAddresses"`
}

func identityOf(id hardwarehash.Identity) decodedIdentity {
	d := decodedIdentity{
		Manufacturer: id.Manufacturer, Product: id.Product, Serial: id.Serial, ProductKeyID: id.ProductKeyID,
		SystemDisk: id.SystemDisk, MACs: []string{},
	}
	if id.UUID != (hardwarehash.UUID{}) {
		d.UUID = id.UUID.String()
	}
	if id.EK != (hardwarehash.Digest{}) {
		d.EK = id.EK.String()
	}
	for _, mac := range id.MACs {
		d.MACs = append(d.MACs, mac.String())
	}
	return d
}

// orEmpty keeps null out of the JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func decodedOf(report *hardwarehash.Report) *decoded {
	return &decoded{
		Identity: identityOf(report.Identity()), Fields: report.Fields(),
		Warnings: orEmpty(report.Warnings), Quality: orEmpty(report.Quality()),
	}
}

func (d *decoded) table(g *grid) {
	id := d.Identity
	g.field("Manufacturer", id.Manufacturer)
	g.field("Product", id.Product)
	g.field("Serial number", id.Serial)
	g.field("Product key id", id.ProductKeyID)
	g.field("SMBIOS UUID", id.UUID)
	g.field("EK digest", id.EK)
	g.field("System disk", id.SystemDisk)
	g.field("MAC addresses", strings.Join(id.MACs, " "))
	g.warnings(slices.Concat(d.Warnings, d.Quality))
	g.row("")
	for _, f := range d.Fields {
		g.row(f.Name, f.Value)
	}
}

func (g *grid) warnings(list []hardwarehash.Warning) {
	for _, w := range list {
		g.row("Warning:", strings.TrimSpace(fmt.Sprintf("%s %s (%s)", w.Field, w.Detail, w.Code)))
	}
}
