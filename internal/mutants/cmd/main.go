// Command mutants tries every mutant of the code; make mutants runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"countersign/internal/mutants"
)

func main() {
	only := flag.String("only", "", "try the mutants whose names this regular expression fits")
	limit := flag.Duration("limit", 2*time.Minute, "time for one run of one test")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *only, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, limit time.Duration) error {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	all, err := mutants.Load(os.DirFS(filepath.Join("internal", "mutants", "testdata", "mutants")))
	if err != nil {
		return err
	}
	var some []mutants.Mutant
	for _, m := range all {
		if wanted.MatchString(m.Name) {
			some = append(some, m)
		}
	}
	r := mutants.Runner{Root: ".", Limit: limit, Log: os.Stdout, Many: runtime.NumCPU()}
	caught, err := r.Run(ctx, some)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Printf("caught %d of %d\n", caught, len(some))
	if caught < len(some) {
		return fmt.Errorf("%d are not caught", len(some)-caught)
	}
	return nil
}
