package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/settings"
)

// probeTime is how long a server may take to say whether it is ready; /readyz itself
// gives its databases two seconds.
const probeTime = 4 * time.Second

func readyCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use: "ready", Short: "Ask the server on this machine whether it takes calls", Args: cobra.NoArgs,
		Long: `Ask the server that runs on this machine with the same settings whether it takes calls. Ends
with 0 if it does and with 1 if not: for the health checks of containers that have no shell.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), env.environ)
			if err != nil {
				return err
			}
			if err := c.probe(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintln(env.stdout, "ready")
			return nil
		},
	}
}

// probe asks /readyz of the listening address.
func (c Config) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return err
	}
	address := c.scheme() + "://" + net.JoinHostPort(settings.OrLoopback(host), port) + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	// The certificate names the public address, not this machine's own; nothing secret
	// is sent or learned here.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}} //nolint:gosec // see above
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s answered %s", address, resp.Status)
	}
	return nil
}
