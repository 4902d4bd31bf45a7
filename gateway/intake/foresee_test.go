package intake

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"countersign/models"
)

// foreseen is what Foresee says about a call.
func (f *fixture) foreseen(call Call, src Source) (Foreseen, []RowStatus, error) {
	f.t.Helper()
	var rows []RowStatus
	seen, err := f.svc.Foresee(f.t.Context(), call, src, func(row RowStatus) error {
		rows = append(rows, row)
		return nil
	})
	return seen, rows, err
}

// nothingKept asserts that nothing but budget was touched.
func (f *fixture) nothingKept() {
	f.t.Helper()
	f.budget.spent, f.budget.refunded = 0, 0
	f.nothingLeft()
	if f.reserved != 0 {
		f.t.Errorf("%d devices are reserved", f.reserved)
	}
}

// oddRows makes the core refuse every row with an odd number.
func oddRows(sub models.Submission) (models.Result, error) {
	var res models.Result
	for _, row := range sub.Rows {
		a := models.Answer{Row: row.Row, DeviceID: "never real"}
		if row.Row%2 == 1 {
			a = models.Answer{Row: row.Row, Code: models.OutcomeNotFound}
		}
		res.Answers = append(res.Answers, a)
	}
	return res, nil
}

func TestForesee_rowByRow(t *testing.T) {
	run(t, func(f *fixture) {
		var asked []models.Submission
		f.core.rehearse = func(sub models.Submission) (models.Result, error) {
			asked = append(asked, sub)
			return oddRows(sub)
		}
		for _, n := range []int{5, SmallRows + 203} {
			asked, f.probing.misses, f.budget.spent = nil, 0, 0
			left := int64(n - 3)
			f.left = &left
			src := tuples(n)
			good := src.row
			src.row = func(i int) Row {
				if i == 2 {
					return Row{SerialNumber: "alone"}
				}
				return good(i)
			}
			seen, rows, err := f.foreseen(create("b"), src)
			if err != nil || len(rows) != n || seen.Rows != n || f.budget.spent != n {
				f.t.Fatalf("%d rows: %+v, %d rows told, %d spent, %v", n, seen, len(rows), f.budget.spent, err)
			}
			failed, misses := 0, 0
			for i, row := range rows {
				want := models.OutcomeRegistered
				switch {
				case i+1 == 2:
					want = models.OutcomeMissingIdentifier
				case i+1 >= n-1: // one row is broken, so that one more fits
					want = models.OutcomeConsentLimit
				case i%2 == 0:
					want = models.OutcomeNotFound
					misses++
				}
				if row.Ordinal != i+1 || row.Outcome.Code != want || row.DeviceID != "" || row.Sentence == "" {
					f.t.Fatalf("row %d of %d: %+v, want %q", i+1, n, row, want)
				}
				if want != models.OutcomeRegistered {
					failed++
				}
			}
			if seen.WouldFail != failed || f.probing.misses != misses {
				f.t.Errorf("%d fail of %d, %d misses of %d", seen.WouldFail, failed, f.probing.misses, misses)
			}
			if len(asked) != (n+models.DispatchRows-1)/models.DispatchRows || asked[0].Authority.GrantID != "grant-1" || asked[0].Authority.Kind != models.ByGrant {
				f.t.Errorf("the core was asked %d times: %+v", len(asked), asked[0].Authority)
			}
			f.nothingKept()
		}
	})
}

// The core gets the bytes of hashes, staged or not.
func TestForesee_hashes(t *testing.T) {
	made := machines(2)
	run(t, func(f *fixture) {
		f.core.rehearse = func(sub models.Submission) (models.Result, error) {
			for _, row := range sub.Rows {
				if hash := len(row.Identity.Hash); (hash > 500) != (row.Row <= 2) {
					f.t.Errorf("row %d has %d bytes of hash", row.Row, hash)
				}
			}
			return oddRows(sub)
		}
		for _, n := range []int{3, SmallRows + 1} {
			src := tuples(n)
			good := src.row
			src.row = func(i int) Row {
				if i <= 2 {
					return Row{HardwareHash: made[i-1].hash}
				}
				return good(i)
			}
			if _, rows, err := f.foreseen(create("b"), src); err != nil || rows[1].Outcome.Code != models.OutcomeRegistered {
				f.t.Errorf("%d rows: %v", n, err)
			}
		}
		f.nothingKept()
	})
}

// What would refuse the upload refuses its forecast, and nothing is kept.
func TestForesee_refusals(t *testing.T) {
	run(t, func(f *fixture) {
		f.core.rehearse = oddRows
		away := errors.New("the core is away")
		one := int64(1)
		for name, c := range map[string]struct {
			set  func()
			call Call
			src  *body
			want error
		}{
			"too small a limit, strictly": {func() { f.left = &one }, Call{Strict: true}, tuples(3), ErrLimitExceeded},
			"no device":                   {nil, Call{}, tuples(0), ErrNoDevices},
			"a broken body":               {nil, Call{}, &body{n: SmallRows + 700, row: tuples(1).row, broken: errBroken}, errBroken},
			"no budget":                   {func() { f.budget.refuse = errBroken }, Call{}, tuples(1), errBroken},
			"no such batch":               {nil, Call{Append: true}, tuples(1), ErrBatchNotFound},
			"no core": {func() {
				f.core.rehearse = func(models.Submission) (models.Result, error) { return models.Result{}, away }
			}, Call{}, tuples(SmallRows + 1), away},
			"a fence": {func() {
				f.core.rehearse = func(models.Submission) (models.Result, error) {
					return models.Result{Refusal: &models.Refusal{Reason: models.RefusedByFence}}, nil
				}
			}, Call{}, tuples(1), ErrNotForeseen},
		} {
			f.left, f.budget.refuse, f.core.rehearse = nil, nil, oddRows
			if c.set != nil {
				c.set()
			}
			call := create("b")
			call.Strict, call.Append = c.call.Strict, c.call.Append
			if _, rows, err := f.foreseen(call, c.src); !errors.Is(err, c.want) || len(rows) != 0 {
				f.t.Errorf("%s: %d rows, %v", name, len(rows), err)
			}
			f.nothingKept()
		}
		f.left, f.budget.refuse, f.core.rehearse = nil, nil, oddRows
		named := tuples(1)
		named.name = "taken"
		f.accept(create("taken"), tuples(1))
		if _, _, err := f.foreseen(create(""), named); !errors.Is(err, ErrBatchExists) {
			f.t.Errorf("a taken name: %v", err)
		}
	})
}

var errBroken = errors.New("broken")

// A call that cannot be foreseen is refused rather than carried out.
func TestForesee_isNeverCarriedOut(t *testing.T) {
	run(t, func(f *fixture) {
		call := create("")
		call.ValidateOnly = true
		device := Registered{ID: "0d5a0c7e-0000-4000-8000-00000000000d"}
		_, removed := f.svc.RemoveDevice(f.t.Context(), call, device)
		_, replaced := f.svc.Replace(f.t.Context(), call, device, Row{HardwareHash: machines(1)[0].hash})
		_, inBatch := f.svc.Remove(f.t.Context(), call, "b", device.ID)
		for name, err := range map[string]error{"remove": removed, "replace": replaced, "remove from a batch": inBatch} {
			if !errors.Is(err, ErrNotForeseeable) {
				f.t.Errorf("%s: %v", name, err)
			}
		}
		f.nothingLeft()
	})
}

// A reader that goes away ends the work, and what was staged is deleted.
func TestForesee_endsWithItsReader(t *testing.T) {
	run(t, func(f *fixture) {
		f.core.rehearse = oddRows
		gone, told := fmt.Errorf("gone"), []int{}
		_, err := f.svc.Foresee(f.t.Context(), create("b"), tuples(SmallRows+1), func(row RowStatus) error {
			told = append(told, row.Ordinal)
			if len(told) == 3 {
				return gone
			}
			return nil
		})
		if !errors.Is(err, gone) || !slices.Equal(told, []int{1, 2, 3}) {
			f.t.Errorf("told %v, %v", told, err)
		}
		f.nothingKept()
	})
}
