package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tenant = models.TenantID("0b6c3d52-0000-4000-8000-000000000001")

var call = intake.Call{
	Caller: intake.Caller{PartnerID: "partner-1", PartnerKind: models.DirectReseller, ClientID: "p-1"}, Tenant: tenant,
	BatchName: "b", Method: "POST", Path: "/x", MaxRows: 7, Defaults: models.OrderData{OrderNumber: "4711"},
}

// clock is turned by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func both(t *testing.T, fn func(t *testing.T, s *Service, c *clock)) {
	t.Helper()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			c := &clock{now: time.Date(2031, 2, 3, 10, 0, 0, 0, time.UTC)}
			base := dbtest.New(t, d, migrations.Gateway, dbtest.WithClock(c.Now))
			fn(t, New(base, func() string { return uuid.Must(uuid.NewV7()).String() }), c)
		})
	}
}

var mine = OwnerOf(call)

func (s *Service) made(t *testing.T, length int) models.FileID {
	t.Helper()
	f, err := s.Create(t.Context(), call, "text/csv", int64(length))
	if err != nil {
		t.Fatal(err)
	}
	return f.ID
}

// A file arrives in pieces of any size, over connections that break, and is what was sent.
func TestAppend_anyPieces(t *testing.T) {
	both(t, func(t *testing.T, s *Service, _ *clock) {
		text := bytes.Repeat([]byte("NB-1,Fjordtek AS,Skerry 14\n"), 3*piece/27+11)
		id := s.made(t, len(text))
		cut := errors.New("the connection broke")
		at := int64(0)
		for i, n := range []int{1, overlap, piece, piece + 7, 5} {
			body := io.Reader(bytes.NewReader(text[at : at+int64(n)]))
			if i%2 == 1 {
				body = io.MultiReader(body, iotest.ErrReader(cut))
			}
			f, err := s.Append(t.Context(), mine, id, at, body)
			if i%2 == 1 != errors.Is(err, cut) || f.Received != at+int64(n) {
				t.Fatalf("piece %d: %d of %d bytes are there, %v", i, f.Received, at+int64(n), err)
			}
			at = f.Received
		}
		f, err := s.Append(t.Context(), mine, id, at, iotest.HalfReader(bytes.NewReader(text[at:])))
		if err != nil || f.Received != f.Length {
			t.Fatalf("%+v, %v", f, err)
		}
		again, whole, err := s.Whole(t.Context(), f)
		if err != nil || again.Key != "file:"+string(id) || again.BatchName != "b" || again.Defaults.OrderNumber != "4711" || again.PartnerID != "partner-1" || again.MaxRows != 7 {
			t.Errorf("call %+v, %v", again, err)
		}
		got, err := io.ReadAll(whole)
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("%d bytes, %v, want %d that are the same", len(got), err, len(text))
		}
		if err := s.Became(t.Context(), f, intake.Accepted{TrackingID: "t1", Location: "/x"}); err != nil {
			t.Fatal(err)
		}
		if f, err := s.File(t.Context(), mine, id); err != nil || f.TrackingID != "t1" || f.Location != "/x" || s.parts(t) != 0 {
			t.Errorf("afterwards %+v, %d parts, %v", f, s.parts(t), err)
		}
		if _, err := s.Append(t.Context(), mine, id, f.Length, strings.NewReader("")); !errors.Is(err, ErrOffset) {
			t.Errorf("a whole file took more: %v", err)
		}
	})
}

func (s *Service) parts(t *testing.T) (n int) {
	t.Helper()
	if err := s.store.db.Read().WithContext(t.Context()).Raw("SELECT count(*) FROM file_parts").Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAppend_refusals(t *testing.T) {
	both(t, func(t *testing.T, s *Service, _ *clock) {
		id := s.made(t, 10)
		for name, c := range map[string]struct {
			owner  Owner
			offset int64
			body   string
			want   error
		}{
			"somebody else's": {Owner{Partner: "partner-2"}, 0, "a", ErrNotFound},
			"a tenant's":      {Owner{Tenant: tenant}, 0, "a", ErrNotFound},
			"nobody's":        {Owner{}, 0, "a", ErrNotFound},
			"ahead":           {mine, 1, "a", ErrOffset},
			"too long":        {mine, 0, "elevenbytes", ErrLength},
		} {
			if _, err := s.Append(t.Context(), c.owner, id, c.offset, strings.NewReader(c.body)); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if f, err := s.File(t.Context(), mine, id); err != nil || f.Received != 0 || s.parts(t) != 0 {
			t.Errorf("after refusals %+v, %d parts, %v", f, s.parts(t), err)
		}
		for _, length := range []int64{0, -1, MaxLength + 1} {
			if _, err := s.Create(t.Context(), call, "text/csv", length); !errors.Is(err, ErrLength) {
				t.Errorf("a file of %d bytes: %v", length, err)
			}
		}
	})
}

// Two senders of one file: one of them is told to look again, and nothing is there twice.
func TestAppend_atOnce(t *testing.T) {
	both(t, func(t *testing.T, s *Service, _ *clock) {
		id := s.made(t, 1000)
		var wg sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for range 8 {
			wg.Go(func() {
				_, err := s.Append(t.Context(), mine, id, 0, strings.NewReader(strings.Repeat("x", 100)))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					taken++
				case !errors.Is(err, ErrOffset):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if f, err := s.File(t.Context(), mine, id); err != nil || taken != 1 || f.Received != 100 || s.parts(t) != 1 {
			t.Errorf("%d senders were told yes; %+v, %d parts, %v", taken, f, s.parts(t), err)
		}
	})
}

// A product key is found wherever pieces are cut, and nothing of the file is kept.
func TestAppend_secrets(t *testing.T) {
	const key = "BBBBB-CCCCC-DDDDD-FFFFF-GGGGG"
	both(t, func(t *testing.T, s *Service, _ *clock) {
		text := strings.Repeat("a,b\n", 50) + key + "\n"
		for cut := len(text) - 31; cut < len(text); cut += 6 {
			id := s.made(t, len(text))
			f, err := s.Append(t.Context(), mine, id, 0, strings.NewReader(text[:cut]))
			if err == nil {
				_, err = s.Append(t.Context(), mine, id, f.Received, strings.NewReader(text[cut:]))
			}
			if !errors.Is(err, ErrSecret) || strings.Contains(fmt.Sprint(err), "BBBBB") {
				t.Errorf("cut at %d: %v", cut, err)
			}
			if _, err := s.File(t.Context(), mine, id); !errors.Is(err, ErrNotFound) || s.parts(t) != 0 {
				t.Errorf("cut at %d: the file is still there: %v, %d parts", cut, err, s.parts(t))
			}
		}
	})
}

func TestFiles_endAndAreCounted(t *testing.T) {
	both(t, func(t *testing.T, s *Service, c *clock) {
		var ids []models.FileID
		for range MostOpen {
			ids = append(ids, s.made(t, 10))
		}
		if _, err := s.Create(t.Context(), call, "text/csv", 10); !errors.Is(err, ErrTooMany) {
			t.Errorf("one too many: %v", err)
		}
		other := call
		other.PartnerID = ""
		if _, err := s.Create(t.Context(), other, "text/csv", 10); err != nil {
			t.Errorf("the customer's own: %v", err)
		}
		if err := s.Remove(t.Context(), Owner{Partner: "partner-2"}, ids[0]); !errors.Is(err, ErrNotFound) {
			t.Errorf("somebody else removes it: %v", err)
		}
		if err := s.Remove(t.Context(), mine, ids[0]); err != nil {
			t.Error(err)
		}
		c.add(KeptFor - time.Minute)
		if _, err := s.Append(context.Background(), mine, ids[1], 0, strings.NewReader("abc")); err != nil {
			t.Fatal(err)
		}
		c.add(2 * time.Minute)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.File(t.Context(), mine, ids[2]); !errors.Is(err, ErrNotFound) {
			t.Errorf("an old file is there: %v", err)
		}
		if f, err := s.File(t.Context(), mine, ids[1]); err != nil || f.Received != 3 || s.parts(t) != 1 {
			t.Errorf("a file that lives: %+v, %v", f, err)
		}
	})
}
