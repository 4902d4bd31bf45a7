package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) clientsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "clients", Short: "List your OAuth clients, what each may do and until when (partner)", Args: cobra.NoArgs,
		Long: `A client of your own for each plant, line or program: one that is lost is frozen without the
others. The client you are logged in with needs clients.manage, which the operator of the
service hands out.`,
		Example: `  countersign clients
  countersign clients create "plant 7, line 3" --key-file line3.jwks --strict
  countersign clients freeze p-0198f0c2-…`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			found, _, err := client.Collect(c.OwnClients(cmd.Context()), 0)
			if err != nil {
				return err
			}
			return a.print(newListing(found, false), func(g *grid) {
				g.row("ID", "NAME", "STATE", "PROVES ITSELF BY", "PROFILE", "ENDS", "LAST USED")
				for _, one := range found {
					g.row(one.ID, one.Name, one.State, one.Method, one.Profile, one.ExpiresAt, one.LastUsedAt)
				}
			})
		},
	}
	cmd.AddCommand(a.createClientCommand(), a.showClientCommand(), a.rotateClientCommand(), a.clientKeysCommand(),
		a.switchClientCommand("freeze", "Stop a client at once; what it submitted and was not forwarded yet stays refused", (*client.Client).FreezeClient),
		a.switchClientCommand("unfreeze", "Let a client work again that you have frozen", (*client.Client).UnfreezeClient))
	return cmd
}

// printClient shows one client.
func (a *app) printClient(one wire.OwnClient) error {
	return a.print(one, func(g *grid) {
		g.field("Client id", one.ID)
		if one.Secret != "" {
			g.field("Client secret", one.Secret)
		}
		g.field("Name", one.Name)
		g.field("State", one.State)
		if one.FrozenBy != "" {
			g.field("Frozen by", one.FrozenBy)
		}
		g.field("Proves itself by", strings.TrimSpace(one.Method+" "+one.TLSSubject))
		g.field("Profile", one.Profile)
		g.field("Scopes", strings.Join(one.Scopes, " "))
		g.field("Ends", one.ExpiresAt)
		g.field("Last used", one.LastUsedAt)
		for _, s := range one.Secrets {
			g.field("Secret", fmt.Sprintf("made %s, %s", s.CreatedAt.Format(time.RFC3339), until(s.ExpiresAt)))
		}
	})
}

func until(at *time.Time) string {
	if at == nil {
		return "without end"
	}
	return "until " + at.Format(time.RFC3339)
}

func (a *app) createClientCommand() *cobra.Command {
	var in wire.NewOwnClient
	var keys, certificates string
	var strict bool
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Make a client", Args: cobra.ExactArgs(1),
		Example: `  countersign clients create "plant 7, line 3" --key-file line3.jwks --strict`,
		Long: `Make a client. With --key-file it proves itself by those keys, with --certificates by those
certificates, with --tls-subject by a certificate of an authority that the service trusts, and
otherwise by a secret, which is shown once.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			given, err := readKeys(keys, certificates)
			if err != nil {
				return err
			}
			in.Name, in.JWKS, in.Certificates = args[0], given.JWKS, given.Certificates
			if strict {
				in.Profile = "strict"
			}
			if lifetime > 0 {
				expires := time.Now().Add(lifetime).UTC()
				in.ExpiresAt = &expires
			}
			made, err := c.NewOwnClient(cmd.Context(), in)
			if err != nil {
				return err
			}
			return a.printClient(made)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&in.Scopes, "scope", nil, "what it may do (repeatable; default everything but clients.manage)")
	flags.StringVar(&keys, "key-file", "", "file with its public keys (RFC 7517), as \"countersign key new\" prints them")
	flags.StringVar(&in.JWKSURI, "jwks-uri", "", "https address where it publishes its public keys, in place of --key-file")
	flags.StringVar(&certificates, "certificates", "", "PEM file with the certificates that it may show")
	flags.StringVar(&in.TLSSubject, "tls-subject", "", "the one name in its certificate, e.g. dns:line3.plant.example")
	flags.BoolVar(&strict, "strict", false, "give it tokens only that are bound to a key or a certificate")
	flags.DurationVar(&lifetime, "expires-in", 0, "lifetime, e.g. 8760h; 0 means no end")
	cmd.MarkFlagsMutuallyExclusive("key-file", "jwks-uri", "certificates", "tls-subject")
	return cmd
}

// readKeys reads whichever file is named.
func readKeys(keys, certificates string) (wire.ClientKeys, error) {
	var out wire.ClientKeys
	var errKeys, errCertificates error
	if keys != "" {
		out.JWKS, errKeys = os.ReadFile(keys)
	}
	if certificates != "" {
		var text []byte
		text, errCertificates = os.ReadFile(certificates)
		out.Certificates = string(text)
	}
	return out, errors.Join(errKeys, errCertificates)
}

func (a *app) showClientCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show CLIENT", Short: "Show one client, with the times of its secrets", Args: cobra.ExactArgs(1),
		Example: `  countersign clients show p-0198f0c2-…`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			one, err := c.OwnClient(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printClient(one)
		},
	}
}

func (a *app) rotateClientCommand() *cobra.Command {
	overlap := 24 * time.Hour
	cmd := &cobra.Command{
		Use: "rotate CLIENT", Short: "Give a client a new secret, shown once", Args: cobra.ExactArgs(1),
		Example: `  countersign clients rotate p-0198f0c2-… --overlap 24h`,
		Long: `Give a client a new secret. The one before stays valid for --overlap, so that the change has no
gap; --overlap 0 ends it now, which is what a leaked secret needs.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if overlap%time.Hour != 0 {
				return errors.New("--overlap is a number of whole hours, e.g. 24h")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			secret, err := c.RotateSecret(cmd.Context(), args[0], overlap)
			if err != nil {
				return err
			}
			return a.print(wire.NewSecret{Secret: secret}, func(g *grid) { g.field("Client secret", secret) })
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", overlap, "how long the secret before stays valid, at most 720h")
	return cmd
}

func (a *app) clientKeysCommand() *cobra.Command {
	var keys, certificates string
	cmd := &cobra.Command{
		Use: "keys CLIENT", Short: "Replace the public keys or the certificates of a client", Args: cobra.ExactArgs(1),
		Example: `  countersign clients keys p-0198f0c2-… --key-file both.jwks`,
		Long: `Replace the public keys or the certificates of a client; the former ones end now. For a change
without a gap put the old and the new one in the file, move the client, and put the new one alone.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := readKeys(keys, certificates)
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			one, err := c.SetKeys(cmd.Context(), args[0], given)
			if err != nil {
				return err
			}
			return a.printClient(one)
		},
	}
	cmd.Flags().StringVar(&keys, "key-file", "", "file with all its public keys (RFC 7517)")
	cmd.Flags().StringVar(&certificates, "certificates", "", "PEM file with all its certificates")
	cmd.MarkFlagsOneRequired("key-file", "certificates")
	cmd.MarkFlagsMutuallyExclusive("key-file", "certificates")
	return cmd
}

func (a *app) switchClientCommand(use, short string, change func(*client.Client, context.Context, string) (wire.OwnClient, error)) *cobra.Command {
	return &cobra.Command{
		Use: use + " CLIENT", Short: short, Args: cobra.ExactArgs(1), Example: "  countersign clients " + use + " p-0198f0c2-…",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			one, err := change(c, cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printClient(one)
		},
	}
}
