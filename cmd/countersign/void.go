package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

func (a *app) voidCommand() *cobra.Command {
	var o deliveryOptions
	devices := -1
	cmd := &cobra.Command{
		Use:   "void UPLOAD",
		Short: "Take back what an upload registered (its partner, or the customer)",
		Long: `End the registrations that an upload made. The number of devices that are registered as the upload
left them is shown first and has to be repeated, at the prompt or with --devices; devices that were
replaced or registered anew since are left alone. It is an upload of its own, with an outcome for
every device, and stands in their histories. A partner needs the customer's consent to removals.

Exit codes are those of submit.`,
		Example: `  countersign void 5f0e2a44-1f0c-4a7e-8f53-6f4b0f9f2c01
  countersign void 5f0e2a44-1f0c-4a7e-8f53-6f4b0f9f2c01 --devices 412`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.void(cmd.Context(), args[0], devices, &o)
		},
	}
	cmd.Flags().IntVar(&devices, "devices", -1, "how many devices it is about, as the command without it shows")
	bindWait(cmd, &o)
	return cmd
}

func (a *app) void(ctx context.Context, tracking string, devices int, o *deliveryOptions) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	if devices < 0 {
		if devices, err = a.confirmVoid(ctx, c, tracking); err != nil {
			return err
		}
	}
	receipt, err := c.VoidUpload(ctx, tracking, devices, "")
	if err != nil {
		return err
	}
	a.say("accepted as upload %s", receipt.TrackingID)
	if o.noWait {
		return a.print(wire.Upload{TrackingID: receipt.TrackingID, State: "accepted", Voids: tracking}, func(g *grid) {
			g.field("Upload", receipt.TrackingID)
			g.field("State", "accepted")
		})
	}
	upload, err := settled(ctx, c, o.waiter(a), receipt.TrackingID, func(wire.Upload) {})
	if err != nil {
		return err
	}
	t, err := tallyOf(ctx, c, client.Owner{}, upload)
	if err != nil {
		return err
	}
	s := status{upload, t}
	if err := a.print(s, s.print); err != nil {
		return err
	}
	if code := s.exitCode(); code != exitDone {
		return &outcomeError{code}
	}
	return nil
}

// confirmVoid shows how many devices it is about and has the number repeated.
func (a *app) confirmVoid(ctx context.Context, c *client.Client, tracking string) (int, error) {
	preview, err := c.PreviewVoid(ctx, tracking)
	if err != nil {
		return 0, err
	}
	if preview.Devices == 0 {
		return 0, fmt.Errorf("upload %s has no device that is registered as it left it: there is nothing to void", tracking)
	}
	a.say("Upload %s registered %d devices that are still as it left them, of %d rows.", tracking, preview.Devices, preview.Rows.Total)
	if !isTerminal(a.in) {
		return 0, fmt.Errorf("to end these registrations repeat the command with --devices %d", preview.Devices)
	}
	_, _ = fmt.Fprintf(a.err, "Type %d to end their registrations: ", preview.Devices)
	line, err := bufio.NewReader(io.LimitReader(a.in, 1<<12)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if strings.TrimSpace(line) != strconv.Itoa(preview.Devices) {
		return 0, errors.New("that is another number; nothing was done")
	}
	return preview.Devices, nil
}
