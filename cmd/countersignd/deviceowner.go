package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// ownerInput is a hash as a device presents it.
type ownerInput struct{ Hash []byte }

// ownerView tells whose a device is.
type ownerView struct {
	Registered bool            `json:"registered"`
	TenantID   models.TenantID `json:"tenantId,omitempty"`
	DeviceID   models.DeviceID `json:"deviceId,omitempty"`
	GroupTag   string          `json:"groupTag,omitempty"`
}

// owner finds out what a device would be told at its first start.
func (s *services) owner(ctx context.Context, in ownerInput) (ownerView, error) {
	found, err := s.far.Lookup(ctx, in.Hash)
	if err != nil || found == nil {
		return ownerView{}, err
	}
	return ownerView{true, found.TenantID, found.DeviceID, found.GroupTag}, nil
}

func deviceCommands(env environment) *cobra.Command {
	cmd := &cobra.Command{Use: "device", Short: "Devices of all customers"}
	owner := &cobra.Command{
		Use: "owner FILE", Short: "Tell whose a device is that presents this hash at its first start", Args: cobra.ExactArgs(1),
		Long: `Tell whose a device is that presents this hash at its first start. The file holds the hash as
a capture does, in base64. Only an unquestionable match counts: a device that a person would
have to decide about is nobody's.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			hash, _, err := hardwarehash.ParseText(text)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return operate(cmd, env, "device.owner", ownerInput{hash})
		},
	}
	cmd.AddCommand(owner)
	return cmd
}
