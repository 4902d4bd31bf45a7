package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// tenantCommand groups what a customer changes about itself.
func (a *app) tenantCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant",
		Short: "Show your organisation, its domains, its sign-in and its people (customer)",
		Long: `Show your organisation, its domains, its sign-in and its people. Everything but the first needs a
client with the scope tenant.manage, which an administrator of your organisation gives.`,
		Example: "  countersign tenant\n  countersign tenant domains prove fabrikam.example",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			tenant, err := c.Tenant(cmd.Context())
			if err != nil {
				return err
			}
			return a.printTenant(tenant)
		},
	}
	cmd.AddCommand(a.tenantRenameCommand(), a.domainsCommand(), a.signInCommand(), a.peopleCommand(), a.tenantClientsCommand())
	return cmd
}

func (a *app) printTenant(tenant wire.Tenant) error {
	return a.print(tenant, func(g *grid) {
		g.field("Organisation", tenant.Name)
		g.field("Tenant id", tenant.ID+" ("+tenant.IDProof+")")
		g.field("State", tenant.State)
		g.field("Domains", strings.Join(tenant.Domains, ", "))
		if tenant.ClaimedAt != nil {
			g.field("Speaks for itself since", *tenant.ClaimedAt)
		}
	})
}

func (a *app) tenantRenameCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rename NAME", Short: "Change the name by which you are shown", Example: `  countersign tenant rename "Fabrikam Inc."`, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			tenant, err := c.RenameTenant(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printTenant(tenant)
		},
	}
}

func (a *app) domainsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "domains", Short: "List your domains and the proofs under way", Example: "  countersign tenant domains", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			items, _, err := client.Collect(c.TenantDomains(cmd.Context()), 0)
			if err != nil {
				return err
			}
			return a.print(newListing(items, false), func(g *grid) { domainTable(g, items) })
		},
	}
	change := func(use, short string, do func(context.Context, *client.Client, string) (wire.TenantDomain, error)) *cobra.Command {
		return &cobra.Command{
			Use: use + " DOMAIN", Short: short, Example: "  countersign tenant domains " + use + " fabrikam.example", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, err := a.client()
				if err != nil {
					return err
				}
				domain, err := do(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				return a.print(domain, func(g *grid) { domainTable(g, []wire.TenantDomain{domain}) })
			},
		}
	}
	release := &cobra.Command{
		Use: "release DOMAIN", Short: "Give a domain up", Example: "  countersign tenant domains release fabrikam.example", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if err := c.ReleaseDomain(cmd.Context(), args[0]); err != nil {
				return err
			}
			a.say(args[0] + " is no longer yours here.")
			return nil
		},
	}
	cmd.AddCommand(
		change("prove", "Get the DNS record that proves a domain", func(ctx context.Context, c *client.Client, domain string) (wire.TenantDomain, error) {
			return c.ChallengeDomain(ctx, domain)
		}),
		change("verify", "Have the DNS looked into", func(ctx context.Context, c *client.Client, domain string) (wire.TenantDomain, error) {
			return c.VerifyDomain(ctx, domain)
		}),
		release,
	)
	return cmd
}

func domainTable(g *grid, domains []wire.TenantDomain) {
	g.row("DOMAIN", "STATE", "PROOF", "DNS RECORD")
	for _, d := range domains {
		record := ""
		if d.Challenge != nil {
			record = d.Challenge.Name + " " + d.Challenge.Type + " " + d.Challenge.Value
		}
		g.row(d.Domain, d.State, d.Proof, record)
	}
}

func (a *app) signInCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sign-in", Short: "Show how your people sign in", Example: "  countersign tenant sign-in", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			found, err := c.SignIn(cmd.Context())
			if err != nil {
				return err
			}
			return a.printSignIn(found)
		},
	}
	cmd.AddCommand(a.signInSetCommand())
	return cmd
}

func (a *app) signInSetCommand() *cobra.Command {
	var in wire.SignInChange
	var secretFile string
	mfa := true
	cmd := &cobra.Command{
		Use: "set", Short: "Name your OpenID provider and what its claims mean", Args: cobra.NoArgs,
		Long: `Name your OpenID provider and what its claims mean. It replaces all of the settings; a client
secret that is not given stays, if issuer and client id do. Whoever a former provider vouched for is
signed out, so make sure that --admin-value names somebody.`,
		Example: `  countersign tenant sign-in set --issuer https://login.fabrikam.example/realms/main --client-id countersign \
      --client-secret-file secret.txt --role-claim realm_access.roles --admin-value device-admin --amr-value mfa`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if secretFile != "" {
				text, err := os.ReadFile(secretFile)
				if err != nil {
					return err
				}
				in.ClientSecret = strings.TrimSpace(string(text))
			}
			in.RequireMFA = &mfa
			c, err := a.client()
			if err != nil {
				return err
			}
			saved, err := c.SetSignIn(cmd.Context(), in)
			if err != nil {
				return err
			}
			return a.printSignIn(saved)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&in.Issuer, "issuer", "", "the provider's issuer, exactly as its description names it")
	flags.StringVar(&in.ClientID, "client-id", "", "the id that the provider gave to this service")
	flags.StringVar(&secretFile, "client-secret-file", "", "file with the secret of that id")
	flags.StringVar(&in.AuthMethod, "auth-method", "client_secret_basic", "client_secret_basic, client_secret_post or private_key_jwt")
	flags.StringVar(&in.RoleClaim, "role-claim", "", "path of the claim with the roles, e.g. roles or realm_access.roles")
	flags.StringSliceVar(&in.AdminValues, "admin-value", nil, "value that makes an administrator (repeatable)")
	flags.StringSliceVar(&in.ApproverValues, "approver-value", nil, "value that makes an approver (repeatable)")
	flags.BoolVar(&mfa, "require-mfa", true, "want more than one factor for decisions")
	flags.StringSliceVar(&in.ACRValues, "acr-value", nil, "value of acr that means more than one factor; with acrs: in front, of acrs (repeatable)")
	flags.StringSliceVar(&in.AMRValues, "amr-value", nil, "value of amr that means more than one factor (repeatable)")
	flags.Int64Var(&in.Version, "version", 0, "version that you read; something newer is then not replaced")
	return cmd
}

func (a *app) printSignIn(s wire.SignIn) error {
	return a.print(s, func(g *grid) {
		g.field("Issuer", s.Issuer)
		g.field("Client id", s.ClientID)
		g.field("Authentication", s.AuthMethod)
		g.field("Redirect URI", s.RedirectURI)
		g.field("Role claim", s.RoleClaim)
		g.field("Administrators", strings.Join(s.AdminValues, ", "))
		g.field("Approvers", strings.Join(s.ApproverValues, ", "))
		g.field("More factors", fmt.Sprintf("%v (acr %s; amr %s)", s.RequireMFA, strings.Join(s.ACRValues, ", "), strings.Join(s.AMRValues, ", ")))
		g.field("Version", s.Version)
		g.field("Set", s.SetAt)
		g.field("By", s.SetBy)
	})
}

func (a *app) peopleCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "people", Short: "List everybody of your organisation who ever signed in", Example: "  countersign tenant people", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			items, more, err := client.Collect(c.People(cmd.Context()), limit)
			if err != nil {
				return err
			}
			a.noteMore(more)
			return a.print(newListing(items, more), func(g *grid) { peopleTable(g, items) })
		},
	}
	bindLimit(cmd, &limit)
	change := func(use, short, example string, args int, do func(context.Context, *client.Client, []string) (wire.Person, error)) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Example: "  countersign tenant people " + example, Args: cobra.ExactArgs(args),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, err := a.client()
				if err != nil {
					return err
				}
				person, err := do(cmd.Context(), c, args)
				if err != nil {
					return err
				}
				return a.print(person, func(g *grid) { peopleTable(g, []wire.Person{person}) })
			},
		}
	}
	cmd.AddCommand(
		change("role PERSON ROLE", "Give a role: admin, approver or none", "role 0198f0c2-… approver", 2, func(ctx context.Context, c *client.Client, args []string) (wire.Person, error) {
			return c.SetRole(ctx, args[0], strings.TrimPrefix(args[1], "none"))
		}),
		change("disable PERSON", "Keep somebody out from now on", "disable 0198f0c2-…", 1, func(ctx context.Context, c *client.Client, args []string) (wire.Person, error) {
			return c.DisablePerson(ctx, args[0])
		}),
		change("enable PERSON", "Let a disabled person sign in again", "enable 0198f0c2-…", 1, func(ctx context.Context, c *client.Client, args []string) (wire.Person, error) {
			return c.EnablePerson(ctx, args[0])
		}),
	)
	return cmd
}

func peopleTable(g *grid, people []wire.Person) {
	g.row("ID", "NAME", "ROLE", "STATE", "SUBJECT", "LAST SIGN-IN")
	for _, p := range people {
		role := p.Role
		if role == "" {
			role = "waits for a role"
		}
		last := ""
		if p.LastSignInAt != nil {
			last = p.LastSignInAt.Format("2006-01-02 15:04")
		}
		g.row(p.ID, p.Name, role, p.State, p.Subject, last)
	}
}
