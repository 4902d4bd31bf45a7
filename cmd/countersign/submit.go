package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// submitOptions are the flags of submit.
type submitOptions struct {
	deliveryOptions
	tenant         string
	batch          string
	append         bool
	strict         bool
	expectedDomain string
	grant          string
	own            bool
	dryRun         bool
	resumable      bool
}

func (a *app) submitCommand() *cobra.Command {
	var o submitOptions
	cmd := &cobra.Command{
		Use:   "submit FILE...",
		Short: "Submit devices and show what became of them (partner, or a customer with --own)",
		Long: `Submit files of devices: CSV with a header line, JSON (a list of devices, or an object with
BatchId and Devices) or NDJSON (one device a line). A file is sent as it is; the rows' outcomes are
written beside the file's own columns into FILE.result.csv (or .result.json, .result.ndjson), which
can be corrected and submitted in turn, with --append to the same batch: the gateway passes over
the columns of the outcome and the apostrophes that keep spreadsheets from running formulas.
With --resumable a large CSV or NDJSON is sent in parts and goes on where it broke off, also when the
command is run again; it is not compressed then.
With --dry-run nothing is registered and no result is kept unless --result names a file: every row is
shown as it would end, and who would have to act. It costs the same budget.
With --failed-only the result holds only the rows that are not done.

A partner names the customer with --tenant. A customer's own client registers the customer's own
devices with --own, by hardware hash; there is no batch then.

Nothing is ever submitted twice: the request id is kept in .FILE.countersign.json beside the file
before the first byte is sent. After a crash, a dead link or an interruption run the same command
again; it continues. A changed file is a new submission, an unchanged one only with --again.

Exit codes: 0 every row is done; 3 rows to fix; 4 the customer must act (also when there is no
consent); 5 a budget is used up; 6 not finished, nothing lost: run the same command again.`,
		Example: `  countersign submit devices.csv --tenant 0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10
  countersign submit more.csv --tenant 0b6c3d52-… --batch "north depot" --append --order-number 4711
  countersign submit devices.csv --tenant 0b6c3d52-… --expected-domain fabrikam.example --failed-only
  countersign submit devices.csv --tenant 0b6c3d52-… --dry-run
  countersign submit office.csv --own --group-tag sales
  countersign submit devices.result.csv --tenant 0b6c3d52-… --batch devices --append`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(args); err != nil {
				return err
			}
			return a.submit(cmd.Context(), args, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.tenant, "tenant", "", "tenant id of the customer")
	flags.StringVar(&o.batch, "batch", "", "batch to create or append to (default the file's name, or the one a JSON file states)")
	flags.BoolVar(&o.append, "append", false, "add to a batch that exists")
	flags.BoolVar(&o.strict, "strict", false, "all or nothing at the device limit of the consent")
	flags.StringVar(&o.grant, "grant", "", "the consent meant, when several resellers of the customer let you act")
	flags.StringVar(&o.expectedDomain, "expected-domain", "", "refuse the upload unless this is a verified domain of the customer")
	flags.BoolVar(&o.again, "again", false, "submit an unchanged file as a new upload")
	flags.StringVar(&o.result, "result", "", "where to write the result (one FILE only)")
	o.bind(flags)
	flags.BoolVar(&o.resumable, "resumable", false, "send a CSV or NDJSON in parts, uncompressed: after a break it goes on where it was")
	flags.BoolVar(&o.dryRun, "dry-run", false, "only say what each row would become")
	flags.BoolVar(&o.own, "own", false, "the devices are the caller's own (a customer's client)")
	cmd.MarkFlagsOneRequired("tenant", "own")
	cmd.MarkFlagsMutuallyExclusive("resumable", "dry-run")
	for _, other := range []string{"tenant", "batch", "append", "strict", "expected-domain"} {
		cmd.MarkFlagsMutuallyExclusive("own", other)
	}
	return cmd
}

func (o submitOptions) check(files []string) error {
	switch {
	case o.append && o.batch == "":
		return errors.New("--append needs the --batch to add to")
	case len(files) > 1 && o.batch != "" && !o.append:
		return errors.New("several files cannot create one batch; leave --batch out, or create it first and use --append")
	case len(files) > 1 && o.result != "":
		return errors.New("--result names one file, but there are several to submit")
	}
	for _, file := range files {
		if file == "-" {
			return fmt.Errorf("submit reads files, not standard input: the request id is kept beside the file")
		}
	}
	return nil
}
