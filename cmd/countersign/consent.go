package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) consentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consent",
		Short: "Ask customers for consent, decide about it, end it",
		Example: `  countersign consent request fabrikam.example --purpose "laptops of order 4711"
  countersign consent list --state active`,
	}
	cmd.AddCommand(
		a.consentRequestCommand(), a.consentListCommand(), a.consentShowCommand(), a.consentHistoryCommand(), a.receiptCommand(), a.exportCommand(), a.verifyCommand(),
		a.consentGrantCommand(),
		a.changeCommand(client.Decline, "Say no to a request (customer)", "too many devices"),
		a.changeCommand(client.Withdraw, "Take a request back (partner)", "order cancelled"),
		a.changeCommand(client.Suspend, "Pause a grant (customer)", "stocktaking"),
		a.changeCommand(client.Resume, "Let a suspended grant go on (customer)", "stocktaking is over"),
		a.consentAmendCommand(), a.consentRenewCommand(), a.consentVersionsCommand(),
		a.consentGiveBackCommand(), a.consentRevokeAllCommand(), a.consentPartnerLinksCommand(),
		a.revokeCommand(), a.consentRemindCommand(), a.consentLinkCommand(),
		a.consentBlockCommand(), a.consentUnblockCommand(), a.consentBlockedCommand(),
	)
	return cmd
}

// defaultScope is what a partner needs to register devices.
const defaultScope = "devices.register"

func (a *app) consentRequestCommand() *cobra.Command {
	var ask wire.ConsentAsk
	var limit int64
	var until, answerBy, linkUntil string
	cmd := &cobra.Command{
		Use:   "request TENANT",
		Short: "Ask a customer for consent (partner)",
		Long: `Ask a customer, named by tenant id or domain, for consent. Whether such a customer exists is not told.
The link to the request is shown this once; "consent link" makes a new one.`,
		Example: `  countersign consent request fabrikam.example --purpose "laptops of order 4711"
  countersign consent request 0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10 --purpose "refresh 2027" \
      --scope devices.register,devices.remove --device-limit 500 --until 2027-12-31`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ask.Tenant, ask.DeviceLimit = args[0], flagged(cmd, "device-limit", limit)
			var errA, errB, err error
			ask.GrantUntil, errA = pointInTime("until", until)
			ask.ExpiresAt, errB = pointInTime("answer-by", answerBy)
			ask.LinkUntil, err = pointInTime("link-until", linkUntil)
			if err := errors.Join(errA, errB, err); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			consent, err := c.RequestConsent(cmd.Context(), ask)
			if err != nil {
				return err
			}
			return a.printConsent(consent)
		},
	}
	cmd.Flags().StringVar(&ask.Purpose, "purpose", "", "why, for the customer to read")
	cmd.Flags().StringVar(&ask.Reference, "reference", "", "order or contract")
	cmd.Flags().StringSliceVar(&ask.Scopes, "scope", []string{defaultScope}, "what to be allowed: devices.register, devices.remove, profiles.assign, devices.read")
	cmd.Flags().Int64Var(&limit, "device-limit", 0, "most devices (default no limit)")
	listFlags(cmd, &ask.ConsentLists, "default any")
	cmd.Flags().StringVar(&until, "until", "", "end of the consent, a date or time (default one year)")
	cmd.Flags().StringVar(&answerBy, "answer-by", "", "until when the question stands, a date or time (default 30 days, at most 90)")
	cmd.Flags().StringVar(&linkUntil, "link-until", "", "end of the link, a date or time (default a week, never after the request)")
	_ = cmd.MarkFlagRequired("purpose") // the flag is there
	return cmd
}

func (a *app) consentGrantCommand() *cobra.Command {
	var terms wire.ConsentTerms
	var limit int64
	var until string
	cmd := &cobra.Command{
		Use:   "grant ID",
		Short: "Say yes to a request, or to less than it asks (customer)",
		Example: `  countersign consent grant 0198f0c2-…
  countersign consent grant 0198f0c2-… --device-limit 100 --until 2027-03-31`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			terms.DeviceLimit = flagged(cmd, "device-limit", limit)
			if terms.ExpiresAt, err = pointInTime("until", until); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			consent, err := c.GrantConsent(cmd.Context(), args[0], terms)
			if err != nil {
				return err
			}
			return a.printConsent(consent)
		},
	}
	cmd.Flags().StringSliceVar(&terms.Scopes, "scope", nil, "scopes to allow (default all that are asked for)")
	cmd.Flags().Int64Var(&limit, "device-limit", 0, "most devices (default what is asked for)")
	listFlags(cmd, &terms.ConsentLists, "default what is asked for")
	cmd.Flags().StringVar(&until, "until", "", "end of the consent, a date or time (default what is asked for)")
	return cmd
}

// listFlags are the limits that name what is allowed.
func listFlags(cmd *cobra.Command, lists *wire.ConsentLists, otherwise string) {
	cmd.Flags().StringArrayVar(&lists.Manufacturers, "manufacturer", nil, "a manufacturer to allow, repeatable ("+otherwise+")")
	cmd.Flags().StringArrayVar(&lists.GroupTags, "group-tag", nil, "a group tag to allow, repeatable ("+otherwise+")")
	cmd.Flags().StringArrayVar(&lists.PurchaseOrders, "purchase-order", nil, "a purchase order to allow, repeatable ("+otherwise+")")
}

// flagged returns the value of a flag that was given.
func flagged(cmd *cobra.Command, name string, value int64) *int64 {
	if !cmd.Flags().Changed(name) {
		return nil
	}
	return &value
}

// pointInTime reads a date, which means its last second in UTC, or a time.
func pointInTime(flag, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		end := day.AddDate(0, 0, 1).Add(-time.Second)
		return &end, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, fmt.Errorf("--%s: %q is neither a date (2027-03-31) nor a time (2027-03-31T18:00:00Z)", flag, text)
	}
	return &at, nil
}

func (a *app) printConsent(c wire.Consent) error {
	return a.print(c, func(g *grid) {
		g.field("Id", c.ID)
		g.field("State", c.Kind+" "+c.State)
		g.field("Partner", party(c.Partner))
		g.field("Customer", party(c.Tenant))
		g.field("Purpose", c.Purpose)
		g.field("Reference", c.Reference)
		g.field("Allows", c.Scopes)
		g.field("Devices", gauge(c.Devices))
		g.field("Manufacturers", c.Manufacturers)
		g.field("Group tags", c.GroupTags)
		g.field("Purchase orders", c.PurchaseOrders)
		if c.DerivedFrom != nil {
			g.field("Rests on", c.DerivedFrom.GrantID+" of partner "+c.DerivedFrom.PartnerID)
		}
		g.field("Last used", c.LastUsedAt)
		g.field("Asks to change", c.Amends)
		g.field("Asks to act under", c.Derives)
		g.field("Until", c.ExpiresAt)
		g.field("Answer by", c.AnswerUntil)
		if c.Link != nil {
			g.field("Link", c.Link.URL)
			g.field("Link until", c.Link.Until)
		}
		g.field("Reminded", c.RemindedAt)
		g.field("Created", c.CreatedAt)
		g.field("Decided", c.DecidedAt)
		g.field("Grant", c.GrantID)
		g.field("Request", c.RequestID)
		if c.Ended != nil {
			g.field("Ended", fmt.Sprintf("%s by the %s. %s", word(c.Ended.At), c.Ended.By, c.Ended.Reason))
		}
		if c.Revocation != nil {
			g.field("Revoked", revocation(*c.Revocation))
		}
	})
}

func party(p wire.Party) string {
	name := p.Name
	if name == "" {
		name = p.Addressed
	}
	switch {
	case name == "":
		return p.ID
	case name == p.ID || p.ID == "":
		return name
	}
	return name + " (" + p.ID + ")"
}

func gauge(d wire.DeviceGauge) string {
	if d.Limit == nil {
		return fmt.Sprintf("%d registered, %d under way, no limit", d.Used, d.Reserved)
	}
	return fmt.Sprintf("%d of %d registered, %d under way, %s left", d.Used, *d.Limit, d.Reserved, word(d.Left))
}

func revocation(r wire.Revocation) string {
	if r.Done {
		said := "nothing was registered after " + word(r.Moment)
		if r.Last != nil {
			said += fmt.Sprintf("; the last device was row %d of upload %s at %s", r.Last.Row, r.Last.TrackingID, word(r.Last.RegisteredAt))
		}
		return said
	}
	return "not acknowledged yet; nothing can land after " + word(r.NothingAfter)
}
