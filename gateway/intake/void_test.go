package intake

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"countersign/internal/errs"
	"countersign/models"
)

// leavers are n devices that an upload registered.
func leavers(n int) iter.Seq2[Leaving, error] {
	return func(yield func(Leaving, error) bool) {
		for i := range n {
			id := models.DeviceID(fmt.Sprintf("0190a3f4-0000-7000-8000-%012d", i))
			if !yield(Leaving{ID: id, Identity: models.DeviceIdentity{SerialNumber: fmt.Sprintf("SN-%d", i), Hash: []byte("x")}}, nil) {
				return
			}
		}
	}
}

func finishedUpload() UploadStatus {
	return UploadStatus{Upload: models.Upload{TrackingID: "0190a3f4-0000-7000-8000-00000000000a", TenantID: tenantX, Kind: models.UploadRegister, State: models.UploadFinished, RowCount: 3}}
}

func TestVoid_isAnUploadOfRemovals(t *testing.T) {
	run(t, func(f *fixture) {
		for _, n := range []int{2, SmallRows + 203} {
			call := keyed(create(""), fmt.Sprintf("void-%d", n))
			f.asks, f.budget.spent = nil, 0
			a, err := f.svc.Void(f.t.Context(), call, finishedUpload(), leavers(n), n)
			if err != nil {
				f.t.Fatal(err)
			}
			up, rows := f.upload(a)
			if up.Kind != models.UploadRemove || up.Voids != finishedUpload().TrackingID || up.RowCount != n || up.OpenRows != n || up.BatchID != nil {
				f.t.Errorf("upload %+v", up.Upload)
			}
			if last := rows[n-1]; last.DeviceID == "" || last.Identity.SerialNumber != fmt.Sprintf("SN-%d", n-1) {
				f.t.Errorf("row %+v", last)
			}
			if f.count("upload_hashes") != 0 || f.budget.spent != 0 || f.reserved != 0 || f.asks[0].Scope != ScopeRemove {
				f.t.Errorf("%d hashes, %d spent, %d reserved, asked for %s", f.count("upload_hashes"), f.budget.spent, f.reserved, f.asks[0].Scope)
			}
			again, err := f.svc.Void(f.t.Context(), call, finishedUpload(), leavers(n), n)
			if err != nil || !again.Replayed || again.TrackingID != a.TrackingID {
				f.t.Errorf("again: %+v, %v", again, err)
			}
			if _, err := f.svc.Void(f.t.Context(), call, finishedUpload(), leavers(n), n+1); !errors.Is(err, ErrKeyReused) {
				f.t.Errorf("another number under the same id: %v", err)
			}
		}
	})
}

func TestVoid_refusals(t *testing.T) {
	run(t, func(f *fixture) {
		gone := errors.New("the core is away")
		broken := func(yield func(Leaving, error) bool) {
			for d := range leavers(SmallRows + 600) {
				if !yield(d, nil) {
					return
				}
			}
			yield(Leaving{}, gone)
		}
		running, removal := finishedUpload(), finishedUpload()
		running.OpenRows, removal.Kind = 1, models.UploadRemove
		for name, c := range map[string]struct {
			of       UploadStatus
			devices  iter.Seq2[Leaving, error]
			expected int
			want     error
			says     string
		}{
			"fewer than there are": {finishedUpload(), leavers(SmallRows + 700), SmallRows + 600, ErrVoidCount, "1700 devices"},
			"more than there are":  {finishedUpload(), leavers(SmallRows + 700), SmallRows + 701, ErrVoidCount, "1700 devices"},
			"none":                 {finishedUpload(), leavers(0), 0, ErrVoidCount, "0 devices"},
			"a number below zero":  {finishedUpload(), leavers(2), -1, ErrVoidCount, "2 devices"},
			"running":              {running, leavers(2), 2, ErrUploadOpen, "1 of 3"},
			"a removal":            {removal, leavers(2), 2, ErrNotVoidable, "remove"},
			"a core that is away":  {finishedUpload(), broken, SmallRows + 600, gone, ""},
		} {
			_, err := f.svc.Void(f.t.Context(), keyed(create(""), name), c.of, c.devices, c.expected)
			if !errors.Is(err, c.want) || c.says != "" && !strings.Contains(errs.From(err).Detail, c.says) {
				f.t.Errorf("%s: %v (%s)", name, err, errs.From(err).Detail)
			}
			f.nothingLeft()
		}
	})
}
