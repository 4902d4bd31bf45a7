package linear

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/anishathalye/porcupine"
)

// most is how many operations the checker takes on for one grant: beyond it, the
// search may not end in time.
const most = 1000

// Verdict is what the checker says of a history.
type Verdict struct {
	Grants     int          // that have operations
	Operations int          // in all
	Longest    int          // the most of one grant
	Kinds      map[Kind]int // how many of each
	Took       time.Duration
}

// Check judges each grant's operations and returns an error that names the grants
// that did not behave as if everything had happened one after the other. A grant
// that could not be judged within the time is one of them. With a folder, a page
// that shows the operations of each such grant is left there.
func (h *History) Check(perGrant time.Duration, dir string) (Verdict, error) {
	names, parts := h.byGrant()
	v := Verdict{Grants: len(names), Kinds: map[Kind]int{}}
	began := time.Now()
	var wrong []error
	for _, name := range names {
		ops := parts[name]
		v.Operations += len(ops)
		v.Longest = max(v.Longest, len(ops))
		for _, op := range ops {
			v.Kinds[op.Kind]++
		}
		if err := judge(name, ops, perGrant, dir); err != nil {
			wrong = append(wrong, err)
		}
	}
	v.Took = time.Since(began)
	return v, errors.Join(wrong...)
}

// judge checks one grant.
func judge(name string, ops []Op, limit time.Duration, dir string) error {
	if len(ops) > most {
		return fmt.Errorf("grant %s has %d operations, more than the %d that can be judged", name, len(ops), most)
	}
	history := make([]porcupine.Operation, len(ops))
	for i, op := range ops {
		history[i] = porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Call, Return: op.Return}
	}
	result, info := porcupine.CheckOperationsVerbose(model, history, limit)
	if result == porcupine.Ok {
		return nil
	}
	err := fmt.Errorf("grant %s: its %d operations are %s: no order of them follows the rules%s", name, len(ops), result, suspect(ops))
	if result == porcupine.Unknown {
		err = fmt.Errorf("grant %s: its %d operations could not be judged within %v", name, len(ops), limit)
	}
	if dir != "" {
		page := filepath.Join(dir, name+".html")
		err = errors.Join(err, porcupine.VisualizePath(model, info, page))
	}
	return err
}

// suspect names an operation that was surely too late, where there is one, because
// it is what a person looks for first.
func suspect(ops []Op) string {
	stop, fence, expiry := Never, Never, Never
	for _, op := range ops {
		switch op.Kind {
		case Stop:
			stop = min(stop, op.Return)
		case Fence:
			fence = min(fence, op.Return)
		case Expire:
			expiry = min(expiry, op.Return)
		case Grant, Suspend, Resume, End, Accept, Refuse, Register, Look, Count, List:
		}
	}
	for _, op := range ops {
		switch {
		case op.Kind == Accept && op.Call > min(stop, expiry):
			return fmt.Sprintf("; accepted after the end: %s", op)
		case op.Kind == Register && op.Call > min(fence, expiry):
			return fmt.Sprintf("; registered after the end: %s", op)
		}
	}
	return ""
}
