package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) attentionCommand() *cobra.Command {
	var filter client.CaseFilter
	var limit int
	cmd := &cobra.Command{
		Use: "attention [CASE]", Short: "List conflicts about devices that a person must settle, or show one", Args: cobra.MaximumNArgs(1),
		Long: `A row with 9003 contradicts what is known of a device: its board was changed, its serial number
belongs to another machine, its keys come in a row. The case says which identifiers agree, who may
settle it and where it was met; until then the row is not registered. Values of hardware are never
shown: E is the TPM's endorsement key, U the UUID, S manufacturer, model and serial number, D the
system disk, N the network adapters, K the product key id.`,
		Example: `  countersign attention
  countersign attention --reason board-or-tpm-changed --state all
  countersign attention 01a205d9-d523-7857-a197-9ba6cacb2959
  countersign attention settle 01a205d9-d523-7857-a197-9ba6cacb2959 --as replaces --note "board replaced under warranty"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				one, err := c.AttentionCase(cmd.Context(), args[0], filter.Owner)
				if err != nil {
					return err
				}
				return a.printCase(one)
			}
			return a.listCases(cmd.Context(), c, filter, limit)
		},
	}
	bindOwner(cmd, &filter.Owner)
	flags := cmd.Flags()
	flags.StringVar(&filter.State, "state", "", "open (unless told), settled or all")
	flags.StringVar(&filter.Settler, "settler", "", "those that customer, manufacturer or operator may settle")
	flags.StringVar(&filter.Reason, "reason", "", "those about this, e.g. board-or-tpm-changed")
	flags.StringVar(&filter.Device, "device", "", "those that involve this device of yours")
	bindLimit(cmd, &limit)
	cmd.AddCommand(a.settleCaseCommand())
	return cmd
}

func (a *app) listCases(ctx context.Context, c *client.Client, filter client.CaseFilter, limit int) error {
	found, more, err := client.Collect(c.AttentionCases(ctx, filter), limit)
	if err != nil {
		return err
	}
	a.noteMore(more)
	return a.print(newListing(found, more), func(g *grid) {
		g.row("CASE", "STATE", "SETTLED BY", "REASON", "UPLOAD", "ROW", "TIMES", "DEVICES", "LAST SEEN")
		for _, one := range found {
			g.row(one.ID, one.State, one.Settler, one.Reason, one.TrackingID, one.Row, one.Times, len(one.Involved), one.LastSeenAt)
		}
	})
}

func (a *app) printCase(one wire.AttentionCase) error {
	return a.print(one, func(g *grid) {
		g.field("Case", one.ID)
		g.field("State", one.State)
		g.field("Reason", one.Reason)
		g.field("Settled by", "the "+one.Settler)
		g.field("Customer", one.TenantID)
		g.field("Partner", one.PartnerID)
		if one.TrackingID != "" {
			g.row("Upload:", one.TrackingID, "row "+word(one.Row))
		}
		g.field("Other rows", one.OtherRows)
		g.field("Submitted", fmt.Sprintf("%d times", one.Times))
		g.field("Opened", one.OpenedAt)
		g.field("Last seen", one.LastSeenAt)
		if one.SettledAt != nil {
			g.field("Settled", fmt.Sprintf("%s as %s by %s", word(one.SettledAt), one.SettledAs, one.SettledBy))
			g.field("Device", one.DeviceID)
			g.field("New device", one.NewDevice)
			g.field("Note", one.Note)
		}
		if len(one.Involved) == 0 {
			return
		}
		g.row("")
		g.row("INVOLVED", "RECORD", "AGREE", "CONTRADICT", "UNKNOWN")
		for _, k := range one.Involved {
			g.row(k.DeviceID, k.Record, strings.Join(k.Agreeing, " "), strings.Join(k.Conflicting, " "), strings.Join(k.Unknown, " "))
		}
	})
}

func (a *app) settleCaseCommand() *cobra.Command {
	var how wire.Settling
	cmd := &cobra.Command{
		Use: "settle CASE", Short: "Decide what a capture in conflict is", Args: cobra.ExactArgs(1),
		Long: `Decide what the capture is: same, it is the known device, which it was captured from after a change;
different, it is another one, which sending the row again registers; replaces, it is what the known
device became in repair, and takes the place of its registration. The case says who may decide. The same
decision again changes nothing; another one is refused.`,
		Example: `  countersign attention settle 01a205d9-d523-7857-a197-9ba6cacb2959 --as replaces --note "board replaced under warranty"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			done, err := c.SettleCase(cmd.Context(), args[0], how)
			if err != nil {
				return err
			}
			return a.printCase(done)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&how.As, "as", "", "same, different or replaces")
	flags.StringVar(&how.Device, "device", "", "the device that is meant, where the case involves several")
	flags.StringVar(&how.Note, "note", "", "why, for whoever reads the case later")
	_ = cmd.MarkFlagRequired("as")
	return cmd
}

func (a *app) explainDeviceCommand() *cobra.Command {
	var owner client.Owner
	var limit int
	cmd := &cobra.Command{
		Use: "explain ID", Short: "Show why captures were matched to a device, or not", Args: cobra.ExactArgs(1),
		Long: `Show every capture that was compared with a device: what it was taken for, which identifiers agreed
and which did not, and the rule that decided.`,
		Example: "  countersign devices explain 01a205d9-d523-7857-a197-9ba6cacb2959",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			found, more, err := client.Collect(c.ExplainDevice(cmd.Context(), args[0], owner), limit)
			if err != nil {
				return err
			}
			a.noteMore(more)
			return a.print(newListing(found, more), func(g *grid) {
				g.row("AT", "VERDICT", "RULE", "AGREE", "CONTRADICT", "UNKNOWN", "REASON", "UPLOAD", "ROW", "OTHER DEVICE", "CASE")
				for _, e := range found {
					g.row(e.At, e.Verdict, e.Rule, strings.Join(e.Agreeing, " "), strings.Join(e.Conflicting, " "), strings.Join(e.Unknown, " "), e.Reason, e.TrackingID, e.Row, e.OtherDevice, e.CaseID)
				}
			})
		},
	}
	bindOwner(cmd, &owner)
	bindLimit(cmd, &limit)
	return cmd
}
