package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"countersign/gateway/wire"
)

// submitOptions are the flags of submit.
type submitOptions struct {
	tenant  string
	batch   string
	append  bool
	strict  bool
	again   bool
	noWait  bool
	timeout time.Duration
	result  string
	order   wire.OrderData
}

func (a *app) submitCommand() *cobra.Command {
	var o submitOptions
	cmd := &cobra.Command{
		Use:   "submit FILE...",
		Short: "Submit devices for a customer and show what became of them (partner)",
		Long: `Submit files of devices: CSV with a header line, or JSON (a list of devices, or an object with
BatchId and Devices). A file is sent as it is; the rows' outcomes are written beside the file's own
columns into FILE.result.csv (or .result.json), which can be corrected and submitted in turn.

Nothing is ever submitted twice: the request id is kept in .FILE.countersign.json beside the file
before the first byte is sent. After a crash, a dead link or an interruption run the same command
again; it continues. A changed file is a new submission, an unchanged one only with --again.

Exit codes: 0 every row is done; 3 rows to fix; 4 the customer must act (also when there is no
consent); 5 a budget is used up; 6 not finished, nothing lost: run the same command again.`,
		Example: `  countersign submit devices.csv --tenant 0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10
  countersign submit more.csv --tenant 0b6c3d52-… --batch "north depot" --append --order-number 4711
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
	flags.BoolVar(&o.again, "again", false, "submit an unchanged file as a new upload")
	flags.BoolVar(&o.noWait, "no-wait", false, "end once the upload is accepted")
	flags.DurationVar(&o.timeout, "wait-timeout", 0, "most time to wait for the outcomes (default no end)")
	flags.StringVar(&o.result, "result", "", "where to write the result (one FILE only)")
	bindOrder(flags, &o.order)
	_ = cmd.MarkFlagRequired("tenant") // the flag is there
	return cmd
}

func bindOrder(flags *pflag.FlagSet, o *wire.OrderData) {
	for name, into := range map[string]*string{
		"purchase-order": &o.PurchaseOrder, "order-number": &o.OrderNumber, "order-line": &o.OrderLine,
		"delivery-note": &o.DeliveryNote, "ship-date": &o.ShipDate, "group-tag": &o.GroupTag, "customer-reference": &o.CustomerReference,
	} {
		flags.StringVar(into, name, "", "for rows that state none of their own")
	}
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
