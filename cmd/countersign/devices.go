package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) devicesCommand() *cobra.Command {
	var filter client.DeviceFilter
	var since, until string
	var limit int
	cmd := &cobra.Command{
		Use:   "devices [ID]",
		Short: "List registered devices, or show one with its history",
		Long: `List registered devices: a partner's own, a customer's, or, for an operator, those of the customer or
partner named. With an ID one device is shown with everything that happened to it that the caller may
see. The devices of one batch are listed by countersign batches TENANT BATCH.`,
		Example: `  countersign devices --serial J7MC60000001
  countersign devices --tenant 0b6c3d52-… --state active --since yesterday
  countersign devices 01a205d9-d523-7857-a197-9ba6cacb2959`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(a.moment("since", since, &filter.Since), a.moment("until", until, &filter.Until)); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.showDevice(cmd.Context(), c, args[0], limit)
			}
			items, more, err := client.Collect(c.Devices(cmd.Context(), filter), limit)
			if err != nil {
				return err
			}
			a.noteMore(more)
			return a.print(newListing(items, more), func(g *grid) { deviceTable(g, items) })
		},
	}
	bindOwner(cmd, &filter.Owner)
	flags := cmd.Flags()
	flags.StringVar(&filter.SerialNumber, "serial", "", "of this serial number")
	flags.StringVar(&filter.ProductKey, "product-key", "", "of this product key id")
	flags.StringVar(&filter.GroupTag, "group-tag", "", "of this group tag")
	flags.StringVar(&filter.Grant, "grant", "", "registered under this grant")
	flags.StringVar(&filter.Upload, "upload", "", "registered by this upload")
	flags.StringVar(&filter.State, "state", "", "active or ended")
	bindPeriod(cmd, &since, &until, "registered")
	bindLimit(cmd, &limit)
	cmd.AddCommand(a.removeDeviceCommand(), a.replaceDeviceCommand(), a.whyDeviceCommand(), a.explainDeviceCommand())
	return cmd
}

func deviceTable(g *grid, devices []wire.RegisteredDevice) {
	g.row("DEVICE", "SERIAL NUMBER", "PRODUCT KEY ID", "MANUFACTURER", "MODEL", "STATE", "CUSTOMER", "GROUP TAG", "REGISTERED")
	for _, d := range devices {
		g.row(d.ID, d.SerialNumber, d.ProductKey, d.OEMManufacturerName, d.ModelName, d.State, d.TenantID, d.GroupTag, d.RegisteredAt)
	}
}

// showDevice shows a device with its history, of which the first answer holds only
// the beginning.
func (a *app) showDevice(ctx context.Context, c *client.Client, id string, limit int) error {
	device, err := c.Device(ctx, id)
	if err != nil {
		return err
	}
	if device.HistoryLink != "" {
		events, more, err := client.Collect(c.DeviceHistory(ctx, id), limit)
		if err != nil {
			return err
		}
		device.History = events
		a.noteMore(more)
		if !more {
			device.HistoryLink = ""
		}
	}
	return a.print(device, func(g *grid) { oneDevice(g, device) })
}

func oneDevice(g *grid, d wire.RegisteredDevice) {
	g.field("Device", d.ID)
	g.field("State", d.State)
	g.field("Customer", d.TenantID)
	g.field("Serial number", d.SerialNumber)
	g.field("Product key id", d.ProductKey)
	g.field("Manufacturer", d.OEMManufacturerName)
	g.field("Model", d.ModelName)
	g.field("Group tag", d.GroupTag)
	g.field("Purchase order", d.PurchaseOrder)
	g.field("Order number", d.OrderNumber)
	g.field("Order line", d.OrderLine)
	g.field("Delivery note", d.DeliveryNote)
	g.field("Ship date", d.ShipDate)
	g.field("Customer reference", d.CustomerReference)
	g.field("Registered by", d.RegisteredBy)
	g.field("Partner", d.PartnerID)
	g.field("Grant", d.GrantID)
	g.row("Upload:", d.TrackingID, "row "+word(d.Row))
	g.field("Registered", d.RegisteredAt)
	g.field("Ended", d.EndedAt)
	g.field("Hash taken", d.CapturedAt)
	if len(d.History) == 0 {
		return
	}
	g.row("")
	g.row("AT", "WHAT", "PARTNER", "CUSTOMER", "UPLOAD", "ROW", "REASON")
	for _, e := range d.History {
		g.row(e.At, e.Kind, e.PartnerID, e.TenantID, e.TrackingID, e.Row, e.Reason)
	}
}
