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
	var federation wire.Federation
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a client; its secret is shown once", Args: cobra.ExactArgs(1),
		Long: `Make a client; its secret is shown once. The scopes consents.decide and tenant.manage are given
by an administrator who is signed in, not here.

With --issuer, --subject and --jwks-uri it has no secret: it proves itself by tokens that your own
issuer makes for your machines (a workload identity), for this service as audience.`,
		Example: `  countersign tenant clients create "inventory" --scope devices.read
  countersign tenant clients create "inventory" --scope devices.read --issuer https://login.fabrikam.example \
    --subject system:serviceaccount:it:inventory --jwks-uri https://login.fabrikam.example/keys`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			in.Name = args[0]
			if federation != (wire.Federation{}) {
				in.Federation = &federation
			}
			made, err := c.NewTenantClient(cmd.Context(), in)
			if err != nil {
				return err
			}
			return a.print(made, func(g *grid) {
				g.field("Client id", made.ID)
				g.field("Client secret", made.Secret)
				if f := made.Federation; f != nil {
					g.field("Proves itself by tokens of", f.Issuer)
					g.field("For the subject", f.Subject)
				}
				g.field("Scopes", strings.Join(made.Scopes, " "))
			})
		},
	}
	create.Flags().StringSliceVar(&in.Scopes, "scope", nil, "what it may do, e.g. devices.read (repeatable)")
	create.Flags().StringVar(&federation.Issuer, "issuer", "", "iss of your tokens, exactly")
	create.Flags().StringVar(&federation.Subject, "subject", "", "sub of the machine's tokens, exactly")
	create.Flags().StringVar(&federation.JWKSURI, "jwks-uri", "", "https address where your issuer publishes its keys")
	create.MarkFlagsRequiredTogether("issuer", "subject", "jwks-uri")
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
