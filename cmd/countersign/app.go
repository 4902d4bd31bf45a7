package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"countersign/authz"
	"countersign/cmd/countersign/internal/profile"
	"countersign/gateway/client"
)

// app is what every command shares.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	poll     time.Duration // the first pause between two looks at an upload

	profileName string
	output      string
	caFile      string
	patience    time.Duration
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "countersign",
		Short: "Register devices for customers through a Countersign gateway",
		Long: `countersign asks customers for consent, submits devices and shows what became of them.

Exit codes: 0 everything done; 1 wrong use or another failure; 3 rows to fix;
4 the customer must act; 5 a budget is used up; 6 the gateway could not be reached
or has not finished, and nothing is lost; 130 interrupted.

HTTPS_PROXY and NO_PROXY name a proxy, with its credentials if it wants any
(http://user:password@proxy:8080). Times are shown in UTC (Z).`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.checkFlags(cmd) },
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.profileName, "profile", "", "profile to use (default $COUNTERSIGN_PROFILE, or \"default\")")
	flags.StringVarP(&a.output, "output", "o", outputTable, "table or json; csv where a command says so")
	flags.StringVar(&a.caFile, "ca-file", "", "authorities (PEM) to trust beside the system's (default $COUNTERSIGN_CA_FILE, or the profile's)")
	flags.DurationVar(&a.patience, "patience", time.Minute, "how long one call waits for better times")
	root.AddCommand(
		a.loginCommand(), a.logoutCommand(), a.whoamiCommand(), a.keyCommand(),
		a.consentCommand(), a.tenantCommand(), a.customersCommand(), a.clientsCommand(), a.submitCommand(), a.watchCommand(), a.reportCommand(),
		a.uploadsCommand(), a.rowsCommand(), a.statusCommand(), a.voidCommand(), a.batchesCommand(), a.devicesCommand(), a.attentionCommand(), a.hashCommand(), a.eventsCommand(), a.budgetsCommand(), a.dispatchesCommand(), a.versionCommand(),
	)
	return root
}

// givesCSV marks the commands that can print CSV.
const givesCSV = "csv"

func (a *app) checkFlags(cmd *cobra.Command) error {
	_, csv := cmd.Annotations[givesCSV]
	switch {
	case csv && !slices.Contains([]string{outputTable, outputJSON, outputCSV}, a.output):
		return fmt.Errorf("--output is table, json or csv, not %q", a.output)
	case !csv && !slices.Contains([]string{outputTable, outputJSON}, a.output):
		return fmt.Errorf("--output is table or json, not %q", a.output)
	}
	if a.profileName == "" {
		a.profileName = a.env("COUNTERSIGN_PROFILE")
	}
	if a.profileName == "" {
		a.profileName = profile.Default
	}
	return nil
}

// profiles reads the file of profiles.
func (a *app) profiles() (*profile.File, error) {
	path, err := profile.Path(a.env)
	if err != nil {
		return nil, err
	}
	return profile.Load(path)
}

// profile is the one in use, with the environment over it.
func (a *app) profile() (profile.Profile, error) {
	file, err := a.profiles()
	if err != nil {
		return profile.Profile{}, err
	}
	p, err := file.Named(a.profileName)
	if err != nil {
		return p, err
	}
	if p, err = p.WithEnv(a.env); err != nil {
		return p, err
	}
	p = a.withFlags(p)
	return p, p.Check()
}

// withFlags lays the flags over a profile.
func (a *app) withFlags(p profile.Profile) profile.Profile {
	if a.caFile != "" {
		p.CAFile = a.caFile
	}
	return p
}

// client speaks to the gateway of the profile in use.
func (a *app) client() (*client.Client, error) {
	p, err := a.profile()
	if err != nil {
		return nil, err
	}
	return a.clientFor(p)
}

func (a *app) clientFor(p profile.Profile) (*client.Client, error) {
	credentials, err := credentialsOf(p)
	if err != nil {
		return nil, err
	}
	authorities, err := authoritiesOf(p)
	if err != nil {
		return nil, err
	}
	proof, err := proofsOf(p)
	if err != nil {
		return nil, err
	}
	patience := a.patience
	if patience == 0 {
		patience = -1 // the flag's nothing is nothing, not the package's default
	}
	return client.New(client.Config{
		BaseURL: p.URL, Credentials: credentials, Proof: proof, UserAgent: "countersign/" + buildVersion(), Patience: patience, RootCAs: authorities,
		Notice: func(w client.Wait) {
			a.say("%s; trying again in %s", plain(w.Cause.Error()), w.For.Round(100*time.Millisecond))
		},
	})
}

// authoritiesOf is nil for those of the system alone.
func authoritiesOf(p profile.Profile) (*x509.CertPool, error) {
	if p.CAFile == "" {
		return nil, nil
	}
	return client.CAFile(p.CAFile)
}

func credentialsOf(p profile.Profile) (client.Credentials, error) {
	if p.KeyFile == "" {
		return client.Secret(p.ClientID, p.ClientSecret), nil
	}
	text, err := os.ReadFile(p.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	key, err := authz.ParseClientKey(text, p.KeyID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.KeyFile, err)
	}
	return client.Assertion(p.ClientID, func(_ context.Context, audience string) (string, error) {
		return key.Assertion(p.ClientID, audience, client.NewRequestID(), time.Now())
	}), nil
}

// proofsOf makes proofs of possession by a key of this run, if the profile wants them.
func proofsOf(p profile.Profile) (client.ProofFunc, error) {
	if !p.DPoP {
		return nil, nil
	}
	text, err := authz.NewClientKey()
	if err != nil {
		return nil, err
	}
	key, err := authz.ParseClientKey(text, "")
	if err != nil {
		return nil, err
	}
	return func(method, address, token, nonce string) (string, error) {
		return key.Proof(method, address, token, nonce, client.NewRequestID(), time.Now())
	}, nil
}

// say writes a line for people. It goes to stderr, so that stdout stays a result.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.err, format+"\n", args...)
}

// isTerminal reports whether a person sits at this stream.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
