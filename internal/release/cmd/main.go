// Command release makes the archives of a release; make release runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"countersign/internal/release"
)

func main() {
	out := flag.String("out", "dist", "folder for the archives; what is in it is replaced")
	version := flag.String("version", "", "as git describe prints it")
	epoch := flag.Int64("epoch", 0, "time of the commit in seconds since 1970")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	n, err := release.Run(ctx, release.Plan{Root: ".", Out: *out, Version: *version, At: time.Unix(*epoch, 0), Log: os.Stdout})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	fmt.Printf("release ok: %d archives\n", n)
}
