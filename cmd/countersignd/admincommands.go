package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"countersign/models"
	"countersign/partners"
)

func partnerCommands(env environment) *cobra.Command {
	cmd := &cobra.Command{Use: "partner", Short: "Organisations that register devices for customers"}
	var in partnerInput
	var kind string
	create := &cobra.Command{
		Use: "create", Short: "Create a partner", Args: cobra.NoArgs,
		Example: `  countersignd admin partner create --kind direct_reseller --name "Northwind Devices"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in.Kind, in.Budgets = models.PartnerKind(kind), budgetFlags(cmd.Flags())
			return operate(cmd, env, "partner.create", in)
		},
	}
	create.Flags().StringVar(&kind, "kind", "", "oem, direct_reseller, indirect_provider or indirect_reseller")
	create.Flags().StringVar(&in.Name, "name", "", "name of the organisation")
	create.Flags().StringVar(&in.MPNID, "mpn-id", "", "partner network id")
	create.Flags().BoolVar(&in.NameChecked, "name-checked", false, "the name looks like another partner's, and you made sure that it is an honest one")
	create.Flags().StringVar(&in.Contact, "contact", "", "address of mail for notices")
	bindBudgets(create.Flags())
	require(create, "kind", "name")
	budget := &cobra.Command{
		Use: "budget ID", Short: "Set a partner's own budgets; one that is not named takes the server's default", Args: cobra.ExactArgs(1),
		Example: `  countersignd admin partner budget 0198… --partner-devices-per-hour 50000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return operate(cmd, env, "partner.budget", budgetInput{models.PartnerID(args[0]), budgetFlags(cmd.Flags())})
		},
	}
	bindBudgets(budget.Flags())
	budget.Flags().Bool("defaults", false, "take the server's defaults for all of them")
	budget.MarkFlagsOneRequired("partner-devices-per-hour", "partner-tenant-devices-per-hour", "partner-requests-per-minute", "defaults")
	cmd.AddCommand(
		create, budget, contactCommand(env), listCommand(env, "partner.list", "List partners"),
		onID(env, "suspend", "partner.suspend", "Refuse a partner everywhere, also work already accepted"),
		onID(env, "resume", "partner.resume", "Let a suspended partner work again"),
	)
	return cmd
}

func contactCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use: "contact ID [ADDRESS]", Short: "Set where notices to a partner go; without an address they go nowhere", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := contactInput{ID: models.PartnerID(args[0])}
			if len(args) == 2 {
				in.Address = args[1]
			}
			return operate(cmd, env, "partner.contact", in)
		},
	}
}

func languageCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use: "language ID CODE", Short: "Set the language of mails to a tenant's people: en or de", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return operate(cmd, env, "tenant.language", languageInput{models.TenantID(args[0]), args[1]})
		},
	}
}

func bindBudgets(flags *pflag.FlagSet) {
	flags.Int64("partner-devices-per-hour", 0, "device budget over all tenants")
	flags.Int64("partner-tenant-devices-per-hour", 0, "device budget for one tenant")
	flags.Int64("partner-requests-per-minute", 0, "request budget of one client")
}

func budgetFlags(flags *pflag.FlagSet) partners.Budgets {
	given := func(name string) *int64 {
		if !flags.Changed(name) {
			return nil
		}
		n, _ := flags.GetInt64(name)
		return &n
	}
	return partners.Budgets{
		DevicesPerHour:       given("partner-devices-per-hour"),
		TenantDevicesPerHour: given("partner-tenant-devices-per-hour"),
		RequestsPerMinute:    given("partner-requests-per-minute"),
	}
}

func tenantCommands(env environment) *cobra.Command {
	cmd := &cobra.Command{Use: "tenant", Short: "Customers"}
	var in tenantInput
	create := &cobra.Command{
		Use: "create", Short: "Create a tenant", Args: cobra.NoArgs,
		Example: `  countersignd admin tenant create --name "Fabrikam" --domain fabrikam.example`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return operate(cmd, env, "tenant.create", in) },
	}
	create.Flags().StringVar((*string)(&in.ID), "id", "", "tenant id (GUID) of another directory, to be proven by its provider; a new one if not given")
	create.Flags().StringVar(&in.Name, "name", "", "name of the customer")
	create.Flags().StringSliceVar(&in.Domains, "domain", nil, "domain of the customer, on your word; it proves others itself (repeatable)")
	create.Flags().StringVar(&in.Language, "language", "", "language of mails to its people: en or de (default en)")
	require(create, "name")
	cmd.AddCommand(
		create, languageCommand(env), listCommand(env, "tenant.list", "List tenants"),
		onID(env, "suspend", "tenant.suspend", "Register nothing for a tenant, also work already accepted"),
		onID(env, "resume", "tenant.resume", "Let a suspended tenant be registered for again"),
		onID(env, "invite", "tenant.invite", "Make the one-time link with which the tenant's first administrator sets it up"),
		signInCommands(env),
	)
	return cmd
}

func clientCommands(env environment) *cobra.Command {
	cmd := &cobra.Command{Use: "client", Short: "OAuth clients of partners, tenants and operators"}
	var overlap time.Duration
	rotate := &cobra.Command{
		Use: "rotate ID", Short: "Make a new secret; the old one stays valid for the overlap", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return operate(cmd, env, "client.rotate", rotateInput{models.ClientID(args[0]), overlap})
		},
	}
	rotate.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secret stays valid")
	cmd.AddCommand(
		createClient(env), rotate, listCommand(env, "client.list", "List clients"),
		onID(env, "freeze", "client.freeze", "Refuse one client at once, also work it already submitted"),
		onID(env, "unfreeze", "client.unfreeze", "Let a frozen client work again"),
	)
	return cmd
}

func createClient(env environment) *cobra.Command {
	var in clientInput
	var jwks, certificates string
	var lifetime, legacy time.Duration
	create := &cobra.Command{
		Use: "create", Short: "Create a client; its secret is shown once", Args: cobra.NoArgs,
		Long: `Create an OAuth client of a partner (--partner) or a tenant (--tenant); with neither it is
an operator's. With --jwks it authenticates by private_key_jwt, with --tls-subject by a certificate of an
authority that the server trusts (client_ca), with --certificates by exactly those, otherwise by a secret
that is generated and shown once. --profile strict asks a client with keys to bind its tokens to a
key (DPoP) or a certificate of its own, so that a stolen token is worth nothing.`,
		Example: `  countersignd admin client create --partner 0198… --name "plant 1, line 3"
  countersignd admin client create --tenant 0198… --name "IT automation" --can-decide`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := errors.Join(readInto(&in.JWKS, jwks), readInto(&in.Certificates, certificates)); err != nil {
				return err
			}
			if lifetime > 0 {
				expires := time.Now().Add(lifetime).UTC()
				in.ExpiresAt = &expires
			}
			if legacy > 0 {
				until := time.Now().Add(legacy).UTC()
				in.Legacy = &until
			}
			return operate(cmd, env, "client.create", in)
		},
	}
	create.Flags().StringVar((*string)(&in.Partner), "partner", "", "id of the partner it belongs to")
	create.Flags().StringVar((*string)(&in.Tenant), "tenant", "", "id of the tenant it belongs to")
	create.Flags().StringVar(&in.Name, "name", "", "what holds the credential, e.g. a plant or a line")
	create.Flags().StringSliceVar(&in.Scopes, "scope", nil, "scopes instead of the owner's usual ones (repeatable)")
	create.Flags().BoolVar(&in.CanManage, "can-manage", false, "let a partner's client make, renew and freeze the partner's other clients")
	create.Flags().BoolVar(&in.CanDecide, "can-decide", false, "let a tenant's client grant and revoke consent")
	create.Flags().BoolVar(&in.CanRegister, "can-register", false, "let a tenant's client register and remove the tenant's devices")
	create.Flags().StringVar(&jwks, "jwks", "", "file with the client's public keys (RFC 7517)")
	create.Flags().StringVar(&in.JWKSURI, "jwks-uri", "", "https address where the client publishes its public keys, in place of --jwks")
	create.Flags().StringVar(&certificates, "certificates", "", "PEM file with the certificates that the client may show")
	create.Flags().StringVar(&in.TLSSubject, "tls-subject", "", "the one name in its certificate: dns:, uri:, ip: or email: and the name, or dn: and the subject as RFC 2253 writes it")
	create.Flags().StringVar((*string)(&in.Profile), "profile", "", "how much it proves: strict or standard (if empty), legacy with a secret")
	create.Flags().DurationVar(&lifetime, "expires-in", 0, "lifetime, e.g. 8760h; 0 means no end")
	create.Flags().DurationVar(&legacy, "legacy-for", 0, "how long it may do as Partner Center's clients do, e.g. 4380h: send its secret in the body, or name the token endpoint as aud of assertions; 0 means not at all")
	create.MarkFlagsMutuallyExclusive("partner", "tenant")
	create.MarkFlagsMutuallyExclusive("jwks", "jwks-uri", "certificates", "tls-subject")
	create.MarkFlagsMutuallyExclusive("certificates", "tls-subject", "legacy-for")
	require(create, "name")
	return create
}

// readInto reads a file, if one is named.
func readInto(text *string, path string) error {
	if path == "" {
		return nil
	}
	content, err := os.ReadFile(path)
	*text = string(content)
	return err
}

func grantCommands(env environment) *cobra.Command {
	cmd := &cobra.Command{Use: "grant", Short: "Customers' consents; operators can end them, never give them"}
	cmd.AddCommand(
		listCommand(env, "grant.list", "List consent requests and grants"),
		onID(env, "revoke", "grant.revoke", "End a grant"),
	)
	return cmd
}

func linkCommands(env environment) *cobra.Command {
	cmd := &cobra.Command{Use: "link", Short: "Providers that act under the consents of a reseller"}
	cmd.AddCommand(
		listCommand(env, "link.list", "List links between resellers and providers, the newest 1000"),
		onID(env, "accept", "link.accept", "Accept a link in the provider's name; customers that have agreed already are asked"),
		onID(env, "end", "link.end", "End a link; what the provider may do under it ends at once"),
	)
	return cmd
}

func dispatchCommands(env environment) *cobra.Command {
	cmd := &cobra.Command{Use: "dispatch", Short: "Units of forwarding that wait for an operator"}
	list := &cobra.Command{
		Use: "list", Short: "List stopped dispatches", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return operate(cmd, env, "dispatch.list", struct{}{}) },
	}
	restart := &cobra.Command{
		Use: "restart ID", Short: "Put a stopped dispatch back to work", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return fmt.Errorf("%q is not the number of a dispatch", args[0])
			}
			return operate(cmd, env, "dispatch.restart", dispatchInput{id})
		},
	}
	cmd.AddCommand(list, restart)
	return cmd
}

// listCommand makes a paged list with the usual filters.
func listCommand(env environment, operation, short string) *cobra.Command {
	var in listInput
	cmd := &cobra.Command{
		Use: "list", Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return operate(cmd, env, operation, in) },
	}
	if operation != "link.list" {
		cmd.Flags().StringVar(&in.Cursor, "cursor", "", "where the page before ended")
	}
	if operation == "client.list" || operation == "grant.list" || operation == "link.list" {
		cmd.Flags().StringVar((*string)(&in.Partner), "partner", "", "only of this partner")
	}
	if operation == "client.list" || operation == "grant.list" {
		cmd.Flags().StringVar((*string)(&in.Tenant), "tenant", "", "only of this tenant")
	}
	if operation == "grant.list" {
		cmd.Flags().StringVar(&in.State, "state", "", "only in this state")
	}
	return cmd
}

// onID makes a command that changes one thing by its id.
func onID(env environment, use, operation, short string) *cobra.Command {
	var in idInput
	cmd := &cobra.Command{
		Use: use + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.ID = args[0]
			return operate(cmd, env, operation, in)
		},
	}
	if operation == "grant.revoke" || operation == "link.end" {
		cmd.Flags().StringVar(&in.Reason, "reason", "", "why; both sides read it in the history")
		require(cmd, "reason")
	}
	return cmd
}

func require(cmd *cobra.Command, flags ...string) {
	for _, f := range flags {
		if err := cmd.MarkFlagRequired(f); err != nil {
			panic(err) // a flag of this file is misspelt
		}
	}
}
