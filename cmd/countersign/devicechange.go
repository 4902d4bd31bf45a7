package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) removeDeviceCommand() *cobra.Command {
	var o deliveryOptions
	cmd := &cobra.Command{
		Use:     "remove ID",
		Short:   "End the registration of a device (its customer, or the partner that registered it)",
		Example: "  countersign devices remove 01a205d9-d523-7857-a197-9ba6cacb2959",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeDevice(cmd.Context(), &o, func(ctx context.Context, c *client.Client) (client.Receipt, error) {
				return c.EndDevice(ctx, args[0], "")
			})
		},
	}
	bindWait(cmd, &o)
	return cmd
}

func (a *app) replaceDeviceCommand() *cobra.Command {
	var o deliveryOptions
	cmd := &cobra.Command{
		Use:   "replace ID FILE",
		Short: "Say what a repaired device is now, by the hardware hash captured after the repair",
		Long: `Say what a repaired device is now: FILE holds the hardware hash captured after the repair. The old
registration ends and a new one takes its place, with its group tag and order data; the history of
the device shows both.`,
		Example: "  countersign devices replace 01a205d9-d523-7857-a197-9ba6cacb2959 after.hash",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			hash, err := os.ReadFile(args[1])
			if err != nil {
				return err
			}
			by := wire.Replacement{HardwareHash: string(bytes.TrimSpace(hash)), OrderData: o.order}
			return a.changeDevice(cmd.Context(), &o, func(ctx context.Context, c *client.Client) (client.Receipt, error) {
				return c.ReplaceDevice(ctx, args[0], by, "")
			})
		},
	}
	bindWait(cmd, &o)
	return cmd
}

func bindWait(cmd *cobra.Command, o *deliveryOptions) {
	cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "end once it is accepted")
	cmd.Flags().DurationVar(&o.timeout, "wait-timeout", 0, "most time to wait for the outcome (default no end)")
}

// change is what became of one device.
type change struct {
	TrackingID string          `json:"trackingId"`
	State      string          `json:"state"`
	Row        *wire.UploadRow `json:"row,omitempty"`
}

// changeDevice sends a change, which is an upload of one row, and shows its outcome.
func (a *app) changeDevice(ctx context.Context, o *deliveryOptions, send func(context.Context, *client.Client) (client.Receipt, error)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	receipt, err := send(ctx, c)
	if err != nil {
		return err
	}
	done := change{TrackingID: receipt.TrackingID, State: "accepted"}
	code := exitDone
	if !o.noWait {
		if code, err = a.awaitChange(ctx, c, o, &done); err != nil {
			return err
		}
	}
	if err := a.print(done, done.print); err != nil {
		return err
	}
	if code != exitDone {
		return &outcomeError{code}
	}
	return nil
}

func (a *app) awaitChange(ctx context.Context, c *client.Client, o *deliveryOptions, done *change) (int, error) {
	upload, err := settled(ctx, c, o.waiter(a), done.TrackingID, func(wire.Upload) {})
	if err != nil {
		return exitOther, err
	}
	done.State = upload.State
	t := newTally(upload.Kind)
	for row, err := range c.UploadRows(ctx, client.Owner{}, done.TrackingID, client.RowFilter{}) {
		if err != nil {
			return exitOther, err
		}
		t.add(row)
		done.Row = &row
	}
	if done.Row == nil {
		return exitOther, fmt.Errorf("upload %s has no row", done.TrackingID)
	}
	return t.exitCode(), nil
}

func (d change) print(g *grid) {
	g.field("Upload", d.TrackingID)
	g.field("State", d.State)
	if d.Row == nil {
		return
	}
	g.field("Device", d.Row.DeviceID)
	g.field("Replaces", d.Row.Replaces)
	g.field("Code", d.Row.ErrorCode)
	g.field("Outcome", d.Row.OutcomeClass)
	g.field("Explanation", d.Row.Detail)
}
