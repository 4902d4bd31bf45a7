package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) consentRemindCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remind ID",
		Short: "Tell the customer once more of a request (partner)",
		Long: `Tell the customer once more of a request that waits: three times at most, and not within three
days of the request or the last reminder.`,
		Example: "  countersign consent remind 0198f0c2-…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			consent, err := c.RemindConsent(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printConsent(consent)
		},
	}
}

func (a *app) consentLinkCommand() *cobra.Command {
	var until string
	cmd := &cobra.Command{
		Use:   "link ID",
		Short: "Make a new link to a request; the old one leads nowhere (partner)",
		Long: `Make a new link to a request that waits, for example because the old one was mailed to the wrong
people. It is shown this once. Only administrators and approvers of the customer can use it.`,
		Example: `  countersign consent link 0198f0c2-… --until 2027-01-31`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			end, err := pointInTime("until", until)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			consent, err := c.RenewConsentLink(cmd.Context(), args[0], end)
			if err != nil {
				return err
			}
			return a.printConsent(consent)
		},
	}
	cmd.Flags().StringVar(&until, "until", "", "end of the link, a date or time (default a week, never after the request)")
	return cmd
}

func (a *app) consentBlockCommand() *cobra.Command {
	var how wire.PartnerBlocking
	cmd := &cobra.Command{
		Use:   "block PARTNER",
		Short: "Hear no more requests of a partner (customer)",
		Long: `Hear no more requests of a partner, named by its id. The partner is not told: its requests are
answered as before, never show up, and expire. A grant that lasts stays, unless --end-grant ends it.`,
		Example: `  countersign consent block 0198f0c2-… --reason "too many requests" --end-grant`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			block, err := c.BlockPartner(cmd.Context(), args[0], how)
			if err != nil {
				return err
			}
			return a.print(block, func(g *grid) {
				g.field("Partner", party(block.Partner))
				g.field("Blocked since", block.Since)
				g.field("By", block.By)
				g.field("Reason", block.Reason)
				g.field("Grant", block.GrantID)
				if block.Revocation != nil {
					g.field("Revoked", revocation(*block.Revocation))
				}
			})
		},
	}
	cmd.Flags().StringVar(&how.Reason, "reason", "", "why; only your own organisation reads it")
	cmd.Flags().BoolVar(&how.EndGrant, "end-grant", false, "also end the partner's grant for ever")
	return cmd
}

func (a *app) consentUnblockCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "unblock PARTNER",
		Short:   "Let a partner ask again (customer)",
		Long:    "Let a partner ask again. What it asked while it was blocked stays unseen.",
		Example: "  countersign consent unblock 0198f0c2-…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.UnblockPartner(cmd.Context(), args[0]); err != nil {
				return err
			}
			a.say(fmt.Sprintf("%s may ask again.", args[0]))
			return nil
		},
	}
}

func (a *app) consentBlockedCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "blocked",
		Short:   "List the partners that are blocked (customer)",
		Example: "  countersign consent blocked",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			items, _, err := client.Collect(c.BlockedPartners(cmd.Context()), 0)
			if err != nil {
				return err
			}
			return a.print(newListing(items, false), func(g *grid) {
				g.row("PARTNER", "SINCE", "BY", "REASON")
				for _, b := range items {
					g.row(party(b.Partner), b.Since, b.By, b.Reason)
				}
			})
		},
	}
}
