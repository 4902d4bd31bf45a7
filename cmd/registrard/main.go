// Command registrard is the matching and registration core as a process of its own.
// Gateways reach it through COUNTERSIGN_CORE_URL.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
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

// run executes a command line and returns the exit code. The first interrupt asks for a
// graceful end; the second one ends the process at once.
func run(args []string, env environment) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	cmd := rootCommand(env)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(env.stderr, "registrard: "+err.Error())
		return 1
	}
	return 0
}

func rootCommand(env environment) *cobra.Command {
	root := &cobra.Command{
		Use: "registrard", Short: "Matching and registration core of Countersign",
		Long: `registrard recognises devices, binds them to customers and remembers what it answered. It
takes calls of gateways alone, never of partners.`,
		SilenceUsage: true, SilenceErrors: true, Version: version(),
	}
	bindFlags(root.PersistentFlags())
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.AddCommand(serveCommand(env), readyCommand(env))
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
