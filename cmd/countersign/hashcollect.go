package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"countersign/cmd/countersign/internal/collect"
	"countersign/registration/hardwarehash"
)

// collects is what hash collect was asked for.
type collects struct {
	root, productKeyID, certificate string
	write                           fakes
}

func (a *app) hashCollectCommand() *cobra.Command {
	c := &collects{}
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "Make the hardware hash of this machine (Linux)",
		Long: `Make the hardware hash of this machine from what Linux knows of it: for test fleets and virtual machines.
Run it as root: serial numbers, UUID and TPM are closed to others. What cannot be read stays unknown, and why is said on
standard error; nothing is invented. The 5x5 product key in the firmware is not looked at.
Windows may name a disk or adapter otherwise, so compare with a Windows capture by countersign hash diff.`,
		Example: `  sudo countersign hash collect > hash.txt
  sudo countersign hash collect --as csv --out device.csv
  countersign hash collect -o json                     # with what is missing, and why`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.collect(c) },
	}
	flags := cmd.Flags()
	flags.StringVar(&c.root, "root", "/", "folder with the proc and sys of the machine")
	flags.StringVar(&c.productKeyID, "product-key-id", "", "13 digits, as printed on the box")
	flags.StringVar(&c.certificate, "ek-certificate", "", "certificate of the TPM's endorsement key, PEM or DER")
	flags.StringVar(&c.write.as, "as", "text", "text (the bare hash), csv, ndjson, json or oa3")
	flags.StringVar(&c.write.out, "out", "", "file to write (default standard output), or folder for oa3")
	return cmd
}

// collected is the JSON of a machine's hash.
type collected struct {
	HardwareHash string                  `json:"hardwareHash"`
	Identity     decodedIdentity         `json:"identity"`
	Validation   hardwarehash.Validation `json:"validation"`
	Notes        []collect.Note          `json:"notes"` // why fields are unknown
}

func (a *app) collect(c *collects) error {
	m, err := c.machine()
	if err != nil {
		return err
	}
	inventory, notes := collect.Collect(m)
	report, err := hardwarehash.New(inventory)
	if err != nil {
		return err
	}
	validation := report.Validate()
	if a.output == outputJSON {
		return a.print(collected{report.Text(), identityOf(report.Identity()), validation, orEmpty(notes)}, nil)
	}
	a.tellMissing(validation, notes)
	return a.writeFakes(&c.write, func() *hardwarehash.Report { return report }, 1)
}

func (c *collects) machine() (collect.Machine, error) {
	m := collect.Machine{Root: c.root, Arch: runtime.GOARCH, Now: time.Now(), ProductKeyID: c.productKeyID}
	if c.root == "/" {
		if runtime.GOOS != "linux" {
			return m, fmt.Errorf("hash collect reads the machine from Linux, and this is %s; on Windows capture the hash with OA3Tool /Report", runtime.GOOS)
		}
		m.OpenTPM = collect.OpenTPM
	}
	if c.productKeyID != "" && !isProductKeyID(c.productKeyID) {
		return m, errors.New("--product-key-id has 13 digits; a 5x5 product key is a secret and belongs nowhere but in the firmware")
	}
	if c.certificate == "" {
		return m, nil
	}
	raw, err := os.ReadFile(c.certificate)
	if err != nil {
		return m, err
	}
	if m.EKPub, err = collect.EKFromCertificate(raw); err != nil {
		return m, fmt.Errorf("%s: %w", c.certificate, err)
	}
	return m, nil
}

func isProductKeyID(s string) bool {
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return len(s) == 13
}

// tellMissing says which critical fields are not there, each with its reason.
func (a *app) tellMissing(v hardwarehash.Validation, notes []collect.Note) {
	for _, c := range v.Checks {
		if c.Class != hardwarehash.Critical || c.State == hardwarehash.FieldOK {
			continue
		}
		a.say("%s: %s", c.Field, c.State)
		for _, n := range notes {
			if n.Field == c.Field {
				a.say("  %s", plain(n.Detail))
			}
		}
	}
	if !v.Valid {
		a.say("The hash is well-formed, but a device is recognised by what is missing above.")
	}
}
