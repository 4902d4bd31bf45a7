package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
)

func (a *app) dispatchesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dispatches",
		Short: "Look after forwarding that stopped (operator)",
	}
	var limit int
	list := &cobra.Command{
		Use:     "list",
		Short:   "List the dispatches that wait for an operator",
		Example: "  countersign dispatches list",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			items, more, err := client.Collect(c.StoppedDispatches(cmd.Context()), limit)
			if err != nil {
				return err
			}
			a.noteMore(more)
			return a.print(newListing(items, more), func(g *grid) {
				g.row("ID", "KIND", "PARTNER", "CUSTOMER", "ROWS", "ATTEMPTS", "CREATED", "LAST ERROR")
				for _, d := range items {
					g.row(d.ID, d.Kind, d.PartnerID, d.TenantID, fmt.Sprintf("%d-%d", d.FirstRow, d.LastRow), d.Attempts, d.CreatedAt, d.LastError)
				}
			})
		},
	}
	bindLimit(list, &limit)
	restart := &cobra.Command{
		Use:     "restart ID",
		Short:   "Let a stopped dispatch go on",
		Example: "  countersign dispatches restart 4711",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return fmt.Errorf("%q is not the number of a dispatch", args[0])
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.RestartDispatch(cmd.Context(), id); err != nil {
				return err
			}
			return a.print(map[string]int64{"restarted": id}, func(g *grid) { g.row(fmt.Sprintf("Dispatch %d goes on.", id)) })
		},
	}
	cmd.AddCommand(list, restart)
	return cmd
}
