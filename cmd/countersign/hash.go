package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"countersign/registration/hardwarehash"
)

func (a *app) hashCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Read hardware hashes, or make invented ones to try with",
	}
	cmd.AddCommand(a.hashDecodeCommand(), a.hashFakeCommand())
	return cmd
}

func (a *app) hashDecodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "decode [FILE|-]",
		Short: "Show what a hardware hash says",
		Long: `Show what a hardware hash says: its text, its raw bytes, or a factory report (XML) that holds it.
Nothing leaves this machine. A hash that is not valid ends with exit code 3 and the reason.`,
		Example: `  countersign hash decode hash.txt
  countersign hash decode OA3.xml -o json
  cat hash.txt | countersign hash decode`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			input, err := a.hashInput(args)
			if err != nil {
				return err
			}
			report, err := decodeHash(input)
			if err != nil {
				return err
			}
			return a.printHash(report)
		},
	}
}

// mostHashInput is far above any hash or factory report.
const mostHashInput = 4 << 20

func (a *app) hashInput(args []string) ([]byte, error) {
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.LimitReader(file, mostHashInput))
		return text, errors.Join(err, file.Close())
	}
	if isTerminal(a.in) {
		return nil, errors.New("name a file, or give the hash on standard input")
	}
	return io.ReadAll(io.LimitReader(a.in, mostHashInput))
}

// decodeHash takes the hash in any form people have it in.
func decodeHash(input []byte) (*hardwarehash.Report, error) {
	if bytes.HasPrefix(input, []byte("OA")) {
		return hardwarehash.Decode(input)
	}
	if _, after, found := bytes.Cut(input, []byte("<HardwareHash>")); found {
		inner, _, closed := bytes.Cut(after, []byte("</HardwareHash>"))
		if !closed {
			return nil, errors.New("the report ends inside its HardwareHash")
		}
		input = inner
	}
	report, _, err := hardwarehash.DecodeText(bytes.TrimRight(input, "\r\n")) // the line end is the file's, not the hash's
	return report, err
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

func (a *app) printHash(report *hardwarehash.Report) error {
	d := decoded{
		Identity: identityOf(report.Identity()), Fields: report.Fields(),
		Warnings: orEmpty(report.Warnings), Quality: orEmpty(report.Quality()),
	}
	return a.print(d, func(g *grid) {
		id := d.Identity
		g.field("Manufacturer", id.Manufacturer)
		g.field("Product", id.Product)
		g.field("Serial number", id.Serial)
		g.field("Product key id", id.ProductKeyID)
		g.field("SMBIOS UUID", id.UUID)
		g.field("EK digest", id.EK)
		g.field("System disk", id.SystemDisk)
		g.field("MAC addresses", strings.Join(id.MACs, " "))
		for _, w := range slices.Concat(d.Warnings, d.Quality) {
			g.row("Warning:", strings.TrimSpace(fmt.Sprintf("%s %s (%s)", w.Field, w.Detail, w.Code)))
		}
		g.row("")
		for _, f := range d.Fields {
			g.row(f.Name, f.Value)
		}
	})
}
