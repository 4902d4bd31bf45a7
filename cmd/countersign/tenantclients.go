package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) tenantClientsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "clients", Short: "List your OAuth clients and what each may do", Example: "  countersign tenant clients", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			items, _, err := client.Collect(c.TenantClients(cmd.Context()), 0)
			if err != nil {
				return err
			}
			return a.print(newListing(items, false), func(g *grid) {
				g.row("ID", "NAME", "STATE", "SCOPES")
				for _, one := range items {
					g.row(one.ID, one.Name, one.State, strings.Join(one.Scopes, " "))
				}
			})
		},
	}
	var in wire.NewTenantClient
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a client; its secret is shown once", Args: cobra.ExactArgs(1),
		Long: `Make a client; its secret is shown once. The scopes consents.decide and tenant.manage are given
by an administrator who is signed in, not here.`,
		Example: `  countersign tenant clients create "inventory" --scope devices.read`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			in.Name = args[0]
			made, err := c.NewTenantClient(cmd.Context(), in)
			if err != nil {
				return err
			}
			return a.print(made, func(g *grid) {
				g.field("Client id", made.ID)
				g.field("Client secret", made.Secret)
				g.field("Scopes", strings.Join(made.Scopes, " "))
			})
		},
	}
	create.Flags().StringSliceVar(&in.Scopes, "scope", nil, "what it may do, e.g. devices.read (repeatable)")
	take := &cobra.Command{
		Use: "take CLIENT SCOPE", Short: "Take consents.decide, tenant.manage or devices.write from a client, at once", Args: cobra.ExactArgs(2),
		Example: "  countersign tenant clients take t-0198f0c2-… consents.decide",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.TakeRight(cmd.Context(), args[0], args[1]); err != nil {
				return err
			}
			a.say(fmt.Sprintf("%s no longer has %s.", args[0], args[1]))
			return nil
		},
	}
	cmd.AddCommand(create, take)
	return cmd
}
