package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) budgetsCommand() *cobra.Command {
	var tenant string
	cmd := &cobra.Command{
		Use:   "budgets",
		Short: "Show what may still be sent, and when there is more (partner)",
		Example: `  countersign budgets
  countersign budgets --tenant 0b6c3d52-…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			budgets, err := c.Budgets(cmd.Context(), tenant)
			if err != nil {
				return err
			}
			return a.print(budgets, func(g *grid) {
				g.row("BUDGET", "LEFT", "OF", "NEXT", "FULL", "COSTS")
				for _, b := range budgets.Items {
					costs := ""
					for _, p := range budgets.Prices {
						if p.Budget == b.Name {
							costs = fmt.Sprintf("%s: %d a %s", p.Call, p.Cost, p.Per)
						}
					}
					of := fmt.Sprintf("%d %s in %s", b.Limit, b.Unit, time.Duration(b.PeriodSeconds)*time.Second)
					g.row(b.Name, b.Remaining, of, b.NextAt, b.FullAt, costs)
				}
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "also what may be sent for this customer")
	return cmd
}
