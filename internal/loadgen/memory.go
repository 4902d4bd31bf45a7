package loadgen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"countersign/models"
)

// memory is C4: the most memory that a core took, in a process of its own that
// matches and registers on the large store, against one on the small store.
func (r *run) memory(ctx context.Context) (Figure, error) {
	both, err := r.bothStores(ctx)
	if err != nil {
		return Figure{}, err
	}
	var at [2][]float64
	var each []float64
	for range r.Rounds {
		for i, c := range both {
			took, err := r.coreProcess(ctx, c)
			if err != nil {
				return Figure{}, err
			}
			at[i] = append(at[i], took)
		}
		each = append(each, at[1][len(at[1])-1]/at[0][len(at[0])-1])
	}
	return Figure{
		Values: []float64{median(each)}, Of: fmt.Sprintf("core memory at %s/at %s", count(r.Devices), count(r.Small)), Goal: "≤ 1.2",
		Detail: []string{fmt.Sprintf("Peak of resident memory: %.0f MB at %s, %.0f MB at %s devices. Rounds: %s.",
			median(at[1]), count(r.Devices), median(at[0]), count(r.Small), spread(each))},
	}, nil
}

// coreProcess runs Core in another process and returns its peak in megabytes.
func (r *run) coreProcess(ctx context.Context, c *core) (float64, error) {
	r.seed += uint64(dispatches)
	cmd := exec.CommandContext(ctx, r.Self[0], append(r.Self[1:], c.url, strconv.Itoa(c.size), strconv.FormatUint(r.seed, 10))...)
	r.seed += 10 * uint64(dispatches)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// Core matches and registers on the store at a URL, which holds size devices, and
// prints the most memory the process ever took, in megabytes.
func Core(ctx context.Context, at string, size int, seed uint64, out io.Writer) error {
	c, err := openCore(ctx, at)
	if err != nil {
		return err
	}
	defer c.close(ctx)
	c.size = size
	r := &run{seed: seed}
	for round := range dispatches {
		if _, err := r.matchOnce(ctx, c, round); err != nil {
			return err
		}
		if err := registerAll(ctx, c, []models.Submission{submission(round, r.fresh(models.DispatchRows, padded))}); err != nil {
			return err
		}
	}
	peak, err := peakMemory()
	if err == nil {
		_, err = fmt.Fprintf(out, "%.1f\n", peak)
	}
	return err
}

// peakMemory reads VmHWM, see proc_pid_status(5).
func peakMemory() (float64, error) { return memoryOf(os.Getpid(), "VmHWM:") }

// memoryOf reads a line of a process's status in megabytes.
func memoryOf(pid int, line string) (float64, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kb, ok := strings.CutPrefix(lines.Text(), line); ok {
			n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
			return n / 1024, err
		}
	}
	return 0, fmt.Errorf("this system does not tell a process's peak of memory")
}
