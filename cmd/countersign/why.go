package main

import (
	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) whyDeviceCommand() *cobra.Command {
	var owner client.Owner
	cmd := &cobra.Command{
		Use:   "why ID",
		Short: "Show why a device was allowed: grant, rule, who gave it, and when",
		Long: `Show on whose word a device was registered, now or in the past: the grant with what it said at
that time, who gave it, the rule that was applied, and the entry of the history that says so.`,
		Example: "  countersign devices why 01a205d9-d523-7857-a197-9ba6cacb2959",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			why, err := c.WhyDevice(cmd.Context(), args[0], owner)
			if err != nil {
				return err
			}
			return a.print(why, func(g *grid) { whyTable(g, why) })
		},
	}
	bindOwner(cmd, &owner)
	return cmd
}

func whyTable(g *grid, w wire.Authorization) {
	g.field("Device", w.DeviceID)
	g.field("Registered", w.RegisteredAt)
	g.field("Accepted", w.AcceptedAt)
	g.field("Allowed by", w.By)
	g.row("Upload:", w.TrackingID, "row "+word(w.Row))
	g.field("Rule", w.Rule)
	if w.Grant == nil {
		return
	}
	g.field("Grant", w.Grant.ID)
	g.row("Version:", w.Grant.Version, "epoch "+word(w.Grant.Epoch))
	g.field("Scopes", w.Grant.Scopes)
	g.field("Device limit", w.Grant.DeviceLimit)
	g.field("Until", w.Grant.Until)
	by := w.Grant.GrantedBy
	g.row("Granted:", w.Grant.GrantedAt, by.Side, by.Role, by.Name, by.ID)
	g.row("History:", "event "+word(w.Grant.Seq), "sha256 "+w.Grant.Hash)
}
