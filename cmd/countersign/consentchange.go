package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// changeFlags are the terms that a command changes.
type changeFlags struct {
	change wire.ConsentChange
	limit  int64
	until  string
}

func (f *changeFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.change.Scopes, "scope", nil, "scopes, whole (default as they are)")
	flags.Int64Var(&f.limit, "device-limit", 0, "most devices; 0 lifts the limit (default as it is)")
	flags.StringSliceVar(&f.change.Manufacturers, "manufacturer", nil, "manufacturers, whole; none lifts the limit (default as they are)")
	flags.StringSliceVar(&f.change.GroupTags, "group-tag", nil, "group tags, likewise")
	flags.StringSliceVar(&f.change.PurchaseOrders, "purchase-order", nil, "purchase orders, likewise")
	flags.StringVar(&f.until, "until", "", "end of the consent, a date or time (default as it is)")
}

// read completes the terms from the flags that were given.
func (f *changeFlags) read(cmd *cobra.Command) (err error) {
	f.change.DeviceLimit = flagged(cmd, "device-limit", f.limit)
	for name, list := range map[string]*[]string{
		"scope": &f.change.Scopes, "manufacturer": &f.change.Manufacturers, "group-tag": &f.change.GroupTags, "purchase-order": &f.change.PurchaseOrders,
	} {
		if cmd.Flags().Changed(name) && *list == nil {
			*list = []string{}
		}
	}
	f.change.ExpiresAt, err = pointInTime("until", f.until)
	return err
}

func (a *app) consentAmendCommand() *cobra.Command {
	var f changeFlags
	var purpose string
	cmd := &cobra.Command{
		Use:   "amend ID",
		Short: "Change the terms of a grant (customer), or ask for other terms (partner)",
		Long: `A customer makes a grant narrower; that holds at once, also for what waits. A person of the
customer widens one on the pages. With --purpose a partner asks the customer for other terms
of its own grant; the grant stays as it is until the customer agrees.`,
		Example: `  countersign consent amend 0198f0c2-… --device-limit 100 --group-tag Sales --reason "one order only"
  countersign consent amend 0198f0c2-… --device-limit 800 --purpose "the order has grown"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.read(cmd); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var consent wire.Consent
			if purpose == "" {
				consent, err = c.AmendConsent(cmd.Context(), args[0], f.change)
			} else {
				consent, err = c.RequestConsent(cmd.Context(), f.ask(args[0], purpose))
			}
			if err != nil {
				return err
			}
			return a.printConsent(consent)
		},
	}
	f.bind(cmd)
	cmd.Flags().StringVar(&f.change.Reason, "reason", "", "why; both sides read it in the history (customer)")
	cmd.Flags().StringVar(&purpose, "purpose", "", "ask for the change and say why, for the customer to read (partner)")
	return cmd
}

// ask is the request for the change of a grant.
func (f *changeFlags) ask(grant, purpose string) wire.ConsentAsk {
	return wire.ConsentAsk{
		Amends: grant, Purpose: purpose, Scopes: f.change.Scopes, DeviceLimit: f.change.DeviceLimit, GrantUntil: f.change.ExpiresAt,
		ConsentLists: wire.ConsentLists{Manufacturers: f.change.Manufacturers, GroupTags: f.change.GroupTags, PurchaseOrders: f.change.PurchaseOrders},
	}
}

func (a *app) consentRenewCommand() *cobra.Command {
	var until, purpose string
	cmd := &cobra.Command{
		Use:     "renew ID",
		Short:   "Ask the customer to let a grant last longer (partner)",
		Long:    "Ask the customer for a later end of a grant. A person of the customer decides, as over any other request.",
		Example: `  countersign consent renew 0198f0c2-… --until 2028-12-31`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := pointInTime("until", until)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			consent, err := c.RequestConsent(cmd.Context(), wire.ConsentAsk{Amends: args[0], Purpose: purpose, GrantUntil: at})
			if err != nil {
				return err
			}
			return a.printConsent(consent)
		},
	}
	cmd.Flags().StringVar(&until, "until", "", "new end of the consent, a date or time")
	cmd.Flags().StringVar(&purpose, "purpose", "Go on registering your devices under the same permission.", "why, for the customer to read")
	_ = cmd.MarkFlagRequired("until") // the flag is there
	return cmd
}

func (a *app) consentVersionsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "versions ID",
		Short:   "Show what a grant said over time",
		Example: "  countersign consent versions 0198f0c2-…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			list, _, err := client.Collect(c.ConsentVersions(cmd.Context(), args[0]), 0)
			if err != nil {
				return err
			}
			return a.print(newListing(list, false), func(g *grid) {
				g.row("VERSION", "CHANGE", "SCOPES", "DEVICES", "UNTIL", "BY", "AT", "REASON")
				for _, v := range list {
					g.row(v.Version, v.Change, v.Scopes, limitText(v.DeviceLimit), v.ExpiresAt, v.Actor+" "+v.ActorID, v.At, v.Reason)
				}
			})
		},
	}
}

func limitText(limit *int64) string {
	if limit == nil {
		return "any"
	}
	return fmt.Sprint(*limit)
}

// previewRevoke shows what the end of a grant would mean.
func (a *app) previewRevoke(cmd *cobra.Command, id string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	preview, err := c.PreviewEnd(cmd.Context(), id)
	if err != nil {
		return err
	}
	return a.print(preview, func(g *grid) {
		g.field("Devices that wait and are refused", preview.WaitingDevices)
		g.field("Devices that stay registered", preview.DevicesThatStay)
		for _, child := range preview.Derived {
			g.field("Ends with it", child.Partner.Name+" "+child.ID)
		}
	})
}

func (a *app) consentGiveBackCommand() *cobra.Command {
	var reason string
	var preview bool
	cmd := &cobra.Command{
		Use:     "give-back ID",
		Short:   "End a grant of your own for ever (partner)",
		Example: `  countersign consent give-back 0198f0c2-… --reason "the order is done"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if preview {
				return a.previewRevoke(cmd, args[0])
			}
			return a.endGrant(cmd, args[0], client.GiveBack, reason, 30*time.Second)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; both sides read it in the history")
	cmd.Flags().BoolVar(&preview, "preview", false, "only show what it would mean")
	return cmd
}

// endGrant ends a grant and waits for the core's word.
func (a *app) endGrant(cmd *cobra.Command, id, how, reason string, wait time.Duration) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	consent, err := c.ChangeConsent(cmd.Context(), id, how, reason)
	if err != nil {
		return err
	}
	w := waiter{first: a.poll, until: time.Now().Add(wait)}
	for consent.State == stateRevoking {
		if more, err := w.pause(cmd.Context()); err != nil || !more {
			return errors.Join(err, a.revokingStill(consent))
		}
		if consent, err = c.ChangeConsent(cmd.Context(), id, how, reason); err != nil {
			return err
		}
	}
	return a.printConsent(consent)
}

func (a *app) consentRevokeAllCommand() *cobra.Command {
	var all wire.ConsentRevokeAll
	cmd := &cobra.Command{
		Use:   "revoke-all COUNT",
		Short: "End every grant of yours, or all of one partner, at once (customer)",
		Long:  "End everything at once. COUNT is how many grants that is, as the list shows; with another number none ends.",
		Example: `  countersign consent revoke-all 3 --reason "incident 17"
  countersign consent revoke-all 2 --partner 0198d0aa-…`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			count, err := strconv.Atoi(args[0])
			if err != nil {
				return fmt.Errorf("%q is not a number of grants", args[0])
			}
			all.Count = count
			c, err := a.client()
			if err != nil {
				return err
			}
			ended, err := c.RevokeAll(cmd.Context(), all)
			if err != nil {
				return err
			}
			return a.print(newListing(ended, false), func(g *grid) { consentTable(g, ended) })
		},
	}
	cmd.Flags().StringVar(&all.Partner, "partner", "", "only this partner's, by its id")
	cmd.Flags().StringVar(&all.Reason, "reason", "", "why; both sides read it in the history")
	return cmd
}

func (a *app) consentPartnerLinksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "partner-links",
		Short:   "Show and change which provider acts for which reseller (partner)",
		Example: "  countersign consent partner-links",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			links, _, err := client.Collect(c.PartnerLinks(cmd.Context()), 0)
			if err != nil {
				return err
			}
			return a.print(newListing(links, false), func(g *grid) { linkTable(g, links...) })
		},
	}
	cmd.AddCommand(
		a.linkCommand("offer PROVIDER", "Offer a provider to act under your grants (reseller)", func(cmd *cobra.Command, c *client.Client, id string) (wire.PartnerLink, error) {
			return c.OfferLink(cmd.Context(), id)
		}),
		a.linkCommand("accept ID", "Accept a link (provider)", func(cmd *cobra.Command, c *client.Client, id string) (wire.PartnerLink, error) {
			return c.AcceptLink(cmd.Context(), id)
		}),
		a.linkCommand("end ID", "End a link and what rests on it", func(cmd *cobra.Command, c *client.Client, id string) (wire.PartnerLink, error) {
			return c.EndLink(cmd.Context(), id, "")
		}),
	)
	return cmd
}

func (a *app) linkCommand(use, short string, do func(*cobra.Command, *client.Client, string) (wire.PartnerLink, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1)}
	cmd.Example = "  countersign consent partner-links " + cmd.Name() + " 0198f0c2-…"
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.client()
		if err != nil {
			return err
		}
		link, err := do(cmd, c, args[0])
		if err != nil {
			return err
		}
		return a.print(link, func(g *grid) { linkTable(g, link) })
	}
	return cmd
}

func linkTable(g *grid, links ...wire.PartnerLink) {
	g.row("LINK", "RESELLER", "PROVIDER", "STATE", "SINCE")
	for _, l := range links {
		g.row(l.ID, l.Reseller, l.Provider, l.State, l.CreatedAt)
	}
}
