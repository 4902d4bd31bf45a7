package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"countersign/gateway/wire"
)

// reportOptions are the flags of report.
type reportOptions struct {
	deliveryOptions
	soldTo    string
	group     int
	recursive bool
}

func (a *app) reportCommand() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report PATH...",
		Short: "Report machines a factory built, from OA3 files or folders of them (OEM)",
		Long: `Report machines a factory built: OA3Tool's files (OA3.xml after /Report), one machine a file or many
in one, and build reports as .json or .ndjson. Of a folder every *.xml is read, however many, in the
order the files were written: a later file of a machine is its rework and is settled after the earlier
one. Files are read and checked here and sent as reports of at most --group keys.

A file with a 5x5 product key in it, such as OA3Tool's input file, is refused: nothing of it is sent,
kept or shown. Other files of OA3Tool are passed over in a folder, and named.

Nothing is ever reported twice: each report is written into .countersign-report.json in the folder,
and its bytes are kept, before the first of them is sent. After a crash, a dead link, a restart of the
gateway or an interruption run the same command again; it continues, and sends files that are new or
have changed since. Unchanged files are only sent again with --again.

The outcomes are written into countersign-report.result.csv in the folder (FILE.result.csv for a single
file). Exit codes are those of submit: 0 every key is recorded; 3 rows or files to fix; 5 a budget is
used up; 6 not finished, nothing lost: run the same command again.`,
		Example: `  countersign report /factory/line7/done
  countersign report /factory/line7/done --sold-to 0198f0c2-… --purchase-order 4500012345 --failed-only
  countersign report OA3.xml keys.ndjson --no-wait`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.group < 1 {
				return errors.New("--group must be at least 1")
			}
			sets, err := reportSets(args)
			if err != nil {
				return err
			}
			if len(sets) > 1 && o.result != "" {
				return errors.New("--result names one file, but there are several folders to report")
			}
			return a.report(cmd.Context(), sets, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.soldTo, "sold-to", "", "partner id of the only partner that may claim the machines, for keys that state none of their own")
	flags.IntVar(&o.group, "group", 500, "most keys in one report")
	flags.BoolVar(&o.recursive, "recursive", false, "read the folders inside a folder, too")
	flags.BoolVar(&o.again, "again", false, "report unchanged files anew")
	flags.StringVar(&o.result, "result", "", "where to write the result (one folder only)")
	o.bind(flags)
	return cmd
}

// report takes folders one after the other and ends with the gravest of their codes.
func (a *app) report(ctx context.Context, sets []reportSet, o reportOptions) error {
	d, err := a.deliver()
	if err != nil {
		return err
	}
	var done []*factoryReport
	ended := takeAll(a, sets, func(set reportSet) (int, bool) {
		r := &reporter{delivery: d, options: o, set: set, progress: a.progress(set.title(), "recording")}
		out := r.run(ctx)
		done = append(done, out)
		return out.ExitCode, out.Error != nil
	})
	if err := a.print(map[string]any{"reported": done}, func(g *grid) { factoryTable(g, done) }); err != nil {
		return err
	}
	return ended
}

// factoryReport is what became of the files of one folder.
type factoryReport struct {
	Folder  string       `json:"folder"`
	Files   fileCounts   `json:"files"`
	Reports []sentReport `json:"reports"` // that hold the files as they are now
	Skipped []passedOver `json:"skipped"` // the first files that are no reports
	tally
	ResultFile string   `json:"resultFile,omitzero"`
	ExitCode   int      `json:"exitCode"`
	Error      *failure `json:"error,omitzero"`
}

// fileCounts counts files by what was done with them.
type fileCounts struct {
	Found     int `json:"found"`
	Sent      int `json:"sent"`      // by this run
	Unchanged int `json:"unchanged"` // reported before
	Refused   int `json:"refused"`   // to fix, and not sent
	Skipped   int `json:"skipped"`   // no reports
}

// sentReport is one report to the gateway.
type sentReport struct {
	RequestID  string `json:"requestId"`
	TrackingID string `json:"trackingId"`
	Files      int    `json:"files"`
	Keys       int    `json:"keys"`
	State      string `json:"state"`
}

// passedOver is a file that was not sent, and why.
type passedOver struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

func newFactoryReport(folder string) *factoryReport {
	return &factoryReport{Folder: folder, Reports: []sentReport{}, Skipped: []passedOver{}, tally: newTally(kindReport)}
}

func factoryTable(g *grid, reports []*factoryReport) {
	for i, r := range reports {
		if i > 0 {
			g.row("")
		}
		g.field("Folder", r.Folder)
		g.field("Files", fmt.Sprintf("%d found, %d sent, %d reported before, %d refused, %d no reports",
			r.Files.Found, r.Files.Sent, r.Files.Unchanged, r.Files.Refused, r.Files.Skipped))
		for _, s := range r.Reports {
			g.row("Report:", fmt.Sprintf("%s  %d keys  %s", s.TrackingID, s.Keys, s.State))
		}
		g.field("Result", r.ResultFile)
		if len(r.Outcomes) > 0 {
			g.row("")
			r.table(g)
		}
		for _, s := range r.Skipped {
			g.row("Skipped:", s.File+": "+s.Reason)
		}
	}
}

// notSent is the row of the result for a file that was not sent.
func notSent(cause, sentence string) wire.UploadRow {
	no := false
	return wire.UploadRow{
		Status: "not_sent", ErrorDescription: cause, OutcomeClass: "fix_row", Detail: sentence,
		NextActor: wire.ActorPartner, SafeToRepeat: &no,
	}
}
