package loadgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Options say what is measured and at which size.
type Options struct {
	Only    string    // measures figures whose name begins so; "" means all
	Devices int       // devices in the large store; the figures are named after 5,000,000
	Small   int       // devices in the small store
	Rounds  int       // how often both sides of a ratio run
	Server  string    // URL of a PostgreSQL maintenance database; "" starts a server
	Keep    bool      // leave filled stores on Server and use those that are there
	Self    []string  // command that runs Core when a database's URL is appended
	Gateway string    // the program countersignd; without it figures that need it fail
	Other   []string  // command that runs Other when its arguments are appended
	Load    string    // how busy the machine was before, for the page
	Log     io.Writer // progress
}

// Figure is one line of the result.
type Figure struct {
	Name   string
	Values []float64 // in the order of the issue that asks for them
	Of     string    // what the values are
	Goal   string
	Detail []string // what else was seen, in sentences
}

// String is the line that make bench prints.
func (f Figure) String() string {
	out := f.Name
	for _, v := range f.Values {
		out += fmt.Sprintf(" %.2f", v)
	}
	return out + " " + f.Of
}

// figures are all there are, in the order in which they run.
var figures = []struct {
	name    string
	measure func(*run, context.Context) (Figure, error)
}{
	{"A1", (*run).verifying},
	{"A2", (*run).exchanging},
	{"A3", (*run).refusing},
	{"C1", (*run).hashCost},
	{"C2", (*run).matching},
	{"C3", (*run).registering},
	{"C4", (*run).memory},
	{"P1", (*run).bulkAccepting},
	{"P2", (*run).wholeWay},
	{"P3", (*run).idiomatic},
	{"P4", (*run).passing},
	{"P5", (*run).peaking},
	{"P6", (*run).growing},
	{"P7", (*run).embedded},
	{"P8", (*run).waiting},
	{"R1", (*run).revoking},
	{"R2", (*run).checking},
}

// run is one run of the program.
type run struct {
	Options
	server *server
	seed   uint64 // of the next production line that no store holds yet
}

// Run measures the figures and hands each to done as soon as it is known.
func Run(ctx context.Context, o Options, done func(Figure)) (err error) {
	r := &run{Options: o, seed: freshLines + uint64(time.Now().UnixMicro())} // kept stores hold earlier runs' lines
	defer func() { err = errors.Join(err, r.server.close()) }()
	found := false
	for _, f := range figures {
		if !strings.HasPrefix(f.name, o.Only) {
			continue
		}
		found = true
		figure, err := f.measure(r, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		figure.Name = f.name
		for _, line := range figure.Detail {
			r.logf("%s: %s", f.name, line)
		}
		done(figure)
	}
	if !found {
		return fmt.Errorf("no figure is called %q", o.Only)
	}
	return nil
}

func (r *run) logf(format string, args ...any) {
	fmt.Fprintf(r.Log, time.Now().UTC().Format("15:04:05 ")+format+"\n", args...)
}

// median of values, which must not be empty; the upper one of two.
func median[T float64 | time.Duration](values []T) T {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// ratios divides a by b, round by round.
func ratios(a, b []time.Duration) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = float64(a[i]) / float64(b[i])
	}
	return out
}

// timed runs fn and returns how long it took.
func timed(fn func() error) (time.Duration, error) {
	start := time.Now()
	err := fn()
	return time.Since(start), err
}

// spread names the least and the greatest of values.
func spread(values []float64) string {
	return fmt.Sprintf("%.2f to %.2f over %d rounds", slices.Min(values), slices.Max(values), len(values))
}
