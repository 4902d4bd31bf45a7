package main

import (
	"time"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) consentListCommand() *cobra.Command {
	var filter client.ConsentFilter
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List requests and grants, the newest first",
		Example: `  countersign consent list --state pending
  countersign consent list --state active -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			items, more, err := client.Collect(c.Consents(cmd.Context(), filter), limit)
			if err != nil {
				return err
			}
			a.noteMore(more)
			return a.print(newListing(items, more), func(g *grid) {
				consentTable(g, items)
			})
		},
	}
	cmd.Flags().StringVar(&filter.State, "state", "", "pending, granted, declined, withdrawn, expired, active, suspended, revoking or revoked")
	cmd.Flags().StringVar(&filter.Tenant, "tenant", "", "only of this customer")
	cmd.Flags().StringVar(&filter.Partner, "partner", "", "only of this partner")
	bindLimit(cmd, &limit)
	return cmd
}

func consentTable(g *grid, items []wire.Consent) {
	g.row("ID", "STATE", "PARTNER", "CUSTOMER", "USED", "LEFT", "UNTIL", "PURPOSE")
	for _, c := range items {
		g.row(c.ID, c.State, party(c.Partner), party(c.Tenant), c.Devices.Used, c.Devices.Left, c.ExpiresAt, c.Purpose)
	}
}

func bindLimit(cmd *cobra.Command, limit *int) {
	cmd.Flags().IntVar(limit, "limit", 100, "most to show; 0 for all")
}

func (a *app) consentShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show a request or grant",
		Example: "  countersign consent show 0198f0c2-…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			consent, err := c.Consent(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printConsent(consent)
		},
	}
}

func (a *app) consentHistoryCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "history ID",
		Short:   "Show who changed a consent, when and why",
		Example: "  countersign consent history 0198f0c2-…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			items, _, err := client.Collect(c.ConsentHistory(cmd.Context(), args[0]), 0)
			if err != nil {
				return err
			}
			return a.print(newListing(items, false), func(g *grid) {
				g.row("NUMBER", "AT", "WHAT", "FROM", "TO", "BY", "REASON")
				for _, e := range items {
					g.row(e.Seq, e.At, e.Subject, e.From, e.To, e.Actor+" "+e.ActorID, e.Reason)
				}
			})
		},
	}
}

// changeCommand makes the commands that change one consent with a reason.
func (a *app) changeCommand(change, short, because string) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     change + " ID",
		Short:   short,
		Example: `  countersign consent ` + change + ` 0198f0c2-… --reason "` + because + `"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			consent, err := c.ChangeConsent(cmd.Context(), args[0], change, reason)
			if err != nil {
				return err
			}
			return a.printConsent(consent)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; both sides read it in the history")
	return cmd
}

func (a *app) revokeCommand() *cobra.Command {
	var reason string
	var preview bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "End a grant for ever (customer, operator)",
		Long: `End a grant. Nothing new is accepted from that moment. The command waits until the core has
acknowledged, and then says the moment after which nothing was registered; when it does not wait
that long, it says after which moment nothing can land whatever happens, and exits with 6.`,
		Example: `  countersign consent revoke 0198f0c2-… --reason "contract ended"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if preview {
				return a.previewRevoke(cmd, args[0])
			}
			return a.endGrant(cmd, args[0], client.Revoke, reason, wait)
		},
	}
	cmd.Flags().BoolVar(&preview, "preview", false, "only show what it would mean")
	cmd.Flags().StringVar(&reason, "reason", "", "why; both sides read it in the history")
	cmd.Flags().DurationVar(&wait, "wait", 30*time.Second, "how long to wait for the core")
	return cmd
}

const stateRevoking = "revoking"

// revokingStill shows a revocation the core has not acknowledged in time.
func (a *app) revokingStill(consent wire.Consent) error {
	if err := a.printConsent(consent); err != nil {
		return err
	}
	return &outcomeError{exitUnreachable}
}
