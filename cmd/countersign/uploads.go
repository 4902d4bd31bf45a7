package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) uploadsCommand() *cobra.Command {
	var filter client.UploadFilter
	var since, until string
	var limit int
	cmd := &cobra.Command{
		Use:   "uploads",
		Short: "List uploads, the newest first",
		Long: `List uploads and build reports, the newest first. Whoever has lost what was submitted finds it by
order (a purchase order, order number, delivery note or customer reference of any row), by time, by
request id or by a report's own id.`,
		Example: `  countersign uploads --since yesterday
  countersign uploads --order 4500012345
  countersign uploads --tenant 0b6c3d52-… --state finished_with_errors --since 2026-11-01
  countersign uploads --kind report --since 24h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(a.moment("since", since, &filter.Since), a.moment("until", until, &filter.Until)); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			items, more, err := client.Collect(c.Uploads(cmd.Context(), filter), limit)
			if err != nil {
				return err
			}
			a.noteMore(more)
			return a.print(newListing(items, more), func(g *grid) {
				g.row("UPLOAD", "ACCEPTED", "KIND", "STATE", "CUSTOMER", "BATCH", "ROWS", "OPEN", "WITH ERRORS")
				for _, u := range items {
					g.row(u.TrackingID, u.AcceptedAt, u.Kind, u.State, u.TenantID, u.BatchName, u.Rows.Total, u.Rows.Open, u.Rows.WithErrors)
				}
			})
		},
	}
	bindOwner(cmd, &filter.Owner)
	cmd.Flags().StringVar(&filter.Batch, "batch", "", "only of this batch")
	cmd.Flags().StringVar(&filter.State, "state", "", "queued, processing, finished or finished_with_errors")
	cmd.Flags().StringVar(&filter.Kind, "kind", "", "register, remove or report")
	cmd.Flags().StringVar(&filter.Order, "order", "", "an order reference of any of its rows, whole, in any letter case")
	cmd.Flags().StringVar(&filter.RequestID, "request-id", "", "the request id it was sent under")
	cmd.Flags().StringVar(&filter.ReportID, "report-id", "", "the CustomerReportUniqueID of a build report")
	bindPeriod(cmd, &since, &until, "accepted")
	bindLimit(cmd, &limit)
	return cmd
}

func bindOwner(cmd *cobra.Command, of *client.Owner) {
	cmd.Flags().StringVar(&of.Tenant, "tenant", "", "of this customer (an operator names a customer or a partner)")
	cmd.Flags().StringVar(&of.Partner, "partner", "", "of this partner")
}

// status is the JSON of one upload with its outcomes.
type status struct {
	wire.Upload
	tally
}

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	var of client.Owner
	cmd := &cobra.Command{
		Use:   "status TRACKING",
		Short: "Show what became of an upload",
		Long:  "Show what became of an upload, with the same exit codes as submit: 6 while rows are open.",
		Example: `  countersign status 5f0e2a44-1f0c-4a7e-8f53-6f4b0f9f2c01
  countersign status 5f0e2a44-1f0c-4a7e-8f53-6f4b0f9f2c01 --watch`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			s, err := a.status(cmd.Context(), c, lookup{of, args[0], watch})
			if err != nil {
				return err
			}
			if err := a.print(s, s.print); err != nil {
				return err
			}
			if code := s.exitCode(); code != exitDone {
				return &outcomeError{code}
			}
			return nil
		},
	}
	bindOwner(cmd, &of)
	cmd.Flags().BoolVar(&watch, "watch", false, "wait until every row has an outcome")
	return cmd
}

// lookup says which upload to look at, and whether to go on until it is finished.
type lookup struct {
	of       client.Owner
	tracking string
	watch    bool
}

func (a *app) status(ctx context.Context, c *client.Client, l lookup) (status, error) {
	bar := a.progress(l.tracking, "deciding")
	defer bar.stop()
	w := waiter{first: a.poll}
	for {
		upload, err := c.Upload(ctx, l.of, l.tracking)
		if err != nil {
			return status{}, err
		}
		if !l.watch || finished(upload) {
			t, err := tallyOf(ctx, c, l.of, upload)
			return status{upload, t}, err
		}
		bar.rows(upload.Rows.Total-upload.Rows.Open, upload.Rows.Total)
		if _, err := w.pause(ctx); err != nil {
			return status{}, err
		}
	}
}

func (s status) print(g *grid) {
	g.field("Upload", s.TrackingID)
	g.field("Kind", s.Kind)
	g.field("State", s.State)
	g.field("Customer", s.TenantID)
	g.field("Batch", s.BatchName)
	g.field("Accepted", s.AcceptedAt)
	g.field("Completed", s.CompletedAt)
	g.row("")
	s.table(g)
	if s.failed() > len(s.Failures) {
		g.row("")
		g.row("All of them: countersign rows " + s.TrackingID + " --failed-only")
	}
}
