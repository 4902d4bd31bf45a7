package main

import (
	"github.com/spf13/cobra"
)

func serveCommand(env environment) *cobra.Command {
	return &cobra.Command{Use: "serve", Short: "Run the gateway", Args: cobra.NoArgs}
}
