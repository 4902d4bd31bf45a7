// Command countersignd is the gateway with its forwarder and, unless a core runs
// elsewhere, the matching and registration core.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"countersign/internal/errs"
)

// environment is what the program takes from its surroundings.
type environment struct {
	environ []string
	stdout  io.Writer
	stderr  io.Writer
}

func main() {
	os.Exit(run(os.Args[1:], environment{os.Environ(), os.Stdout, os.Stderr}))
}

// run executes a command line and returns the exit code. The first interrupt
// asks for a graceful end; the second one ends the process at once.
func run(args []string, env environment) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	cmd := rootCommand(env)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(env.stderr, "countersignd: "+message(err))
		return 1
	}
	return 0
}

// message is what a person reads: the sentence of our own errors, without code.
func message(err error) string {
	var e *errs.Error
	if errors.As(err, &e) && e.Kind != errs.Internal {
		return e.Detail
	}
	return err.Error()
}

func rootCommand(env environment) *cobra.Command {
	root := &cobra.Command{
		Use:   "countersignd",
		Short: "B2B integration gateway for zero-touch device registration",
		Long: `countersignd takes device registrations from OEMs, resellers and distributors, checks the
customer's consent, and binds the devices to the customer in its own registration core.
It registers nothing at Microsoft, Apple or Google.`,
		SilenceUsage: true, SilenceErrors: true, Version: version(),
	}
	bindFlags(root.PersistentFlags())
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.AddCommand(serveCommand(env), migrateCommand(env), readyCommand(env), keysCommand(env), adminCommand(env))
	return root
}

// releaseVersion is what git describe said; the linker sets it in release builds.
var releaseVersion string

func version() string {
	if releaseVersion != "" {
		return releaseVersion
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}

func migrateCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use: "migrate", Short: "Bring the tables of both databases up to date and end", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), env.environ)
			if err != nil {
				return err
			}
			log, err := c.logger(env.stderr)
			if err != nil {
				return err
			}
			d, err := c.openDatabases(cmd.Context(), log)
			if err != nil {
				return err
			}
			fmt.Fprintln(env.stdout, "the tables are up to date")
			return d.close()
		},
	}
}
