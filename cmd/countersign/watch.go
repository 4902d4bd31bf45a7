package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
)

// watchOptions are how a folder is watched.
type watchOptions struct {
	submitOptions
	quiet    time.Duration
	interval time.Duration
	giveUp   time.Duration
	once     bool
	dated    bool
}

func (a *app) watchCommand() *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch DIR",
		Short: "Submit every file that appears in a folder (behind an SFTP server, for example)",
		Long: `Watch DIR/in and submit every file of devices that appears there, CSV, JSON or NDJSON. A file ends in
DIR/done when all its rows are done, otherwise in DIR/failed, each time with its result beside it: NAME.result.csv with
the outcome of every row, or NAME.error.txt with why nothing was accepted.

A file in DIR/in/TENANT is for that customer; files in DIR/in itself are for --tenant.

Files whose names begin with a dot or end in .part, .partial, .tmp or .filepart are left alone, and so is a file that
has changed lately (--quiet): write a file under such a name and rename it when it is whole.

While the gateway is away, a budget is used up or the customer has not agreed, a file stays in DIR/in and is tried
again, at first after half a minute and then ever less often, at least once an hour, until --give-up. After a crash the
same file goes on under the same request id, which lies beside it before the first byte is sent: nothing is submitted
twice. There is nothing else to keep; several processes may watch one folder.

It runs until it is stopped. With --once it takes what is there and ends, with the exit codes of submit.`,
		Example: `  countersign watch /srv/sftp/northwind --tenant 0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10
  countersign watch /srv/sftp/northwind --expected-domain fabrikam.example --purchase-order 4711 --once`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.interval < time.Second || o.giveUp < o.interval {
				return errors.New("--interval is at least a second, and --give-up no less than it")
			}
			return a.watch(cmd.Context(), args[0], o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.tenant, "tenant", "", "tenant id of the customer that files in DIR/in itself are for")
	flags.BoolVar(&o.strict, "strict", false, "all or nothing at the device limit of the consent")
	flags.StringVar(&o.grant, "grant", "", "the consent meant, when several resellers of the customer let you act")
	flags.StringVar(&o.expectedDomain, "expected-domain", "", "refuse uploads unless this is a verified domain of the customer")
	o.bind(flags)
	for _, hidden := range []string{"no-wait"} { // a file is filed by its outcomes
		if err := flags.MarkHidden(hidden); err != nil {
			panic(err)
		}
	}
	o.timeout = 15 * time.Minute // then the next file has its turn
	flags.Lookup("wait-timeout").DefValue = o.timeout.String()
	flags.BoolVar(&o.dated, "dated", false, "add the file's time to the name of its batch, for files that come under the same name again")
	flags.DurationVar(&o.quiet, "quiet", 30*time.Second, "how long a file must not have changed before it is taken")
	flags.DurationVar(&o.interval, "interval", 5*time.Second, "how often to look")
	flags.DurationVar(&o.giveUp, "give-up", 7*24*time.Hour, "age of a file from which it is not tried again")
	flags.BoolVar(&o.once, "once", false, "take what is there and end")
	return cmd
}
