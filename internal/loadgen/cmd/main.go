// Command loadgen measures the figures of docs/performance.md; make bench runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"

	"countersign/internal/loadgen"
)

// The sizes that the figures are about.
const asked, askedSmall = 5_000_000, 100_000

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	o := loadgen.Options{Log: os.Stderr, Load: loadgen.LoadAverage()}
	flag.StringVar(&o.Only, "only", "", "measure the figures whose name begins so: C, C2")
	flag.IntVar(&o.Devices, "devices", asked, "devices in the large store")
	flag.IntVar(&o.Small, "small", askedSmall, "devices in the small store")
	flag.IntVar(&o.Rounds, "rounds", 5, "how often both sides of each ratio run")
	flag.StringVar(&o.Server, "server", "", "URL of a PostgreSQL maintenance database; empty starts a server")
	flag.BoolVar(&o.Keep, "keep", false, "leave filled stores on the given server, and use those that are there")
	page := flag.String("page", "", "write the page about performance here")
	report := flag.String("report", "", "write a report with plots here, in HTML")
	flag.StringVar(&o.Gateway, "gateway", "", "the program countersignd, for the figures about it")
	core := flag.Bool("core", false, "be the core of which the memory is measured: URL SIZE SEED")
	other := flag.Bool("other", false, "be a server that is measured: bare, middle, or baseline GATEWAY-URL CORE-URL WORKERS")
	flag.Parse()
	switch {
	case *core:
		return runCore(ctx, flag.Args())
	case *other:
		return loadgen.Other(ctx, flag.Args(), os.Stdout)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	o.Self, o.Other = []string{self, "-core"}, []string{self, "-other"}
	var figures []loadgen.Figure
	err = loadgen.Run(ctx, o, func(f loadgen.Figure) {
		fmt.Println(f)
		figures = append(figures, f)
	})
	if err == nil && *report != "" {
		err = loadgen.WriteReport(*report, o, figures)
	}
	switch {
	case err != nil || *page == "":
		return err
	case o.Devices != asked || o.Small != askedSmall:
		fmt.Fprintln(os.Stderr, "the page stays as it is: these are not the sizes its figures are about")
		return nil
	}
	return loadgen.WritePage(*page, o, figures)
}

func runCore(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("-core takes URL, SIZE and SEED")
	}
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		return err
	}
	return loadgen.Core(ctx, args[0], size, seed, os.Stdout)
}
