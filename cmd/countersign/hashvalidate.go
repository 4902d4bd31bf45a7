package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"countersign/registration/hardwarehash"
)

func (a *app) hashValidateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE|-]",
		Short: "Check that a hardware hash has the fields a device is recognised by",
		Long: `Check the fields that OA3Tool checks with /ValidateHwHash. Critical fields are those the device is later
recognised by: exit code 3 when one is missing or holds a placeholder that firmware ships with. Important fields decide
the price of the licence. The published minimum for Autopilot and the rules of factories (lengths, chassis, adapters,
tool) are warnings.`,
		Example: `  countersign hash validate OA3.xml
  countersign hash validate hash.txt -o json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			input, err := a.hashInput(args)
			if err != nil {
				return err
			}
			report, err := oneHash(input)
			if err != nil {
				return err
			}
			return a.printValidation(report.Validate())
		},
	}
}

func (a *app) printValidation(v hardwarehash.Validation) error {
	err := a.print(v, func(g *grid) {
		verdict := "valid: every critical field is there"
		if !v.Valid {
			verdict = "not valid: a critical field is missing or a placeholder"
		}
		g.row("Hash", verdict)
		g.row("")
		g.row("FIELD", "CLASS", "STATE", "VALUE")
		for _, c := range v.Checks {
			g.row(c.Field, c.Class, c.State, cmp.Or(c.Value, "-"))
		}
		g.warnings(v.Warnings)
	})
	if err == nil && !v.Valid {
		return &outcomeError{exitRows}
	}
	return err
}
