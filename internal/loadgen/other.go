package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"countersign/internal/loadgen/baseline"
)

// Other is a server to measure, or to measure against, by the first of its arguments. It
// prints where it listens and serves until ctx ends.
func Other(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New("which server?")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	switch args[0] { // these print more
	case "middle":
		return Middle(ctx, l, out)
	case "verifying":
		return ServeVerifying(ctx, l, out)
	}
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return err
	}
	switch {
	case args[0] == "bare":
		return baseline.ServeBare(ctx, l, nil)
	case args[0] == "baseline" && len(args) == 4:
		n, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return baseline.Serve(ctx, l, args[1], args[2], n)
	}
	return fmt.Errorf("no server is called %v", args)
}
