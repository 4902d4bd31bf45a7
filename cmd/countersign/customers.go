package main

import (
	"iter"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) customersCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "customers [TENANT]",
		Short: "List the customers that have agreed, or show one (partner)",
		Example: `  countersign customers
  countersign customers 0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				customer, err := c.Customer(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.print(customer, func(g *grid) { customerTable(g, []wire.Customer{customer}) })
			}
			items, more, err := client.Collect(c.Customers(cmd.Context()), limit)
			if err != nil {
				return err
			}
			a.noteMore(more)
			return a.print(newListing(items, more), func(g *grid) { customerTable(g, items) })
		},
	}
	bindLimit(cmd, &limit)
	return cmd
}

func customerTable(g *grid, customers []wire.Customer) {
	g.row("TENANT", "NAME", "DOMAIN")
	for _, c := range customers {
		g.row(c.ID, c.CompanyProfile.CompanyName, c.CompanyProfile.Domain)
	}
}

func (a *app) batchesCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "batches TENANT [BATCH]",
		Short: "List your batches of a customer, or the devices of one (partner)",
		Example: `  countersign batches 0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10
  countersign batches 0b6c3d52-77aa-4c1e-9a53-5d2f0f6f1a10 "north depot"`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			if len(args) == 2 {
				return a.listBatchDevices(c.BatchDevices(cmd.Context(), args[0], args[1]), limit)
			}
			return a.listBatches(c.Batches(cmd.Context(), args[0]), limit)
		},
	}
	bindLimit(cmd, &limit)
	return cmd
}

func (a *app) listBatches(list iter.Seq2[wire.DeviceBatch, error], limit int) error {
	items, more, err := client.Collect(list, limit)
	if err != nil {
		return err
	}
	a.noteMore(more)
	return a.print(newListing(items, more), func(g *grid) {
		g.row("BATCH", "DEVICES", "CREATED")
		for _, b := range items {
			g.row(b.ID, b.DevicesCount, string(b.CreationDate)+"Z")
		}
	})
}

func (a *app) listBatchDevices(list iter.Seq2[wire.Device, error], limit int) error {
	items, more, err := client.Collect(list, limit)
	if err != nil {
		return err
	}
	a.noteMore(more)
	return a.print(newListing(items, more), func(g *grid) {
		g.row("DEVICE", "SERIAL NUMBER", "PRODUCT KEY ID", "MANUFACTURER", "MODEL", "REGISTERED")
		for _, d := range items {
			g.row(d.ID, d.SerialNumber, d.ProductKey, d.OEMManufacturerName, d.ModelName, string(d.UploadedDate)+"Z")
		}
	})
}
