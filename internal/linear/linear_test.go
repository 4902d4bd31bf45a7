package linear_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/internal/linear"
)

// at makes an operation of the only grant.
func at(call, answered int64, kind linear.Kind, more ...any) linear.Op {
	op := linear.Op{Kind: kind, Grant: "g", Call: call, Return: answered}
	for _, m := range more {
		switch value := m.(type) {
		case int:
			op.N = value
		case string:
			op.State = value
		}
	}
	return op
}

// revoke is a revoke that answered 200.
func revoke(call, answered int64) []linear.Op {
	return []linear.Op{at(call, answered, linear.Stop), at(call, answered, linear.Fence), at(call, answered, linear.End)}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const never = linear.Never
	granted := at(1, 2, linear.Grant)
	for name, c := range map[string]struct {
		ops   []linear.Op
		legal bool
	}{
		"the plain life of a grant": {append([]linear.Op{
			granted, at(3, 4, linear.Accept), at(5, 6, linear.Register, 2), at(7, 8, linear.Count, 2), at(9, 10, linear.Look, "active"),
			at(13, 14, linear.Look, "revoked"), at(13, 14, linear.Refuse), at(15, 16, linear.Count, 2),
		}, revoke(11, 12)...), true},
		"accepted before the grant": {[]linear.Op{at(3, 4, linear.Grant), at(1, 2, linear.Accept)}, false},
		"accepted after the revoke": {append([]linear.Op{granted, at(20, 21, linear.Accept)}, revoke(11, 12)...), false},
		"accepted across it":        {append([]linear.Op{granted, at(10, 21, linear.Accept)}, revoke(11, 12)...), true},
		"accepted across it, and a reader saw revoked before": {append([]linear.Op{
			granted, at(10, 21, linear.Accept), at(13, 14, linear.Look, "revoked"),
		}, revoke(11, 12)...), true}, // it may have been first
		"registered after the revoke": {append([]linear.Op{granted, at(20, 21, linear.Register, 1)}, revoke(11, 12)...), false},
		"registered across it":        {append([]linear.Op{granted, at(10, 21, linear.Register, 1)}, revoke(11, 12)...), true},
		"registered across it, and a reader counted none in between": {append([]linear.Op{
			granted, at(10, 21, linear.Register, 1), at(13, 14, linear.Count, 0),
		}, revoke(11, 12)...), false},
		"registered while the core had not acknowledged": {[]linear.Op{
			granted, at(11, 12, linear.Stop), at(11, never, linear.Fence), at(11, never, linear.End), at(20, 21, linear.Register, 1),
		}, true},
		"accepted while the core had not acknowledged": {[]linear.Op{
			granted, at(11, 12, linear.Stop), at(11, never, linear.Fence), at(11, never, linear.End), at(20, 21, linear.Accept),
		}, false},
		"a revoke whose answer got lost may not have happened yet": {[]linear.Op{
			granted, at(11, never, linear.Stop), at(11, never, linear.Fence), at(11, never, linear.End), at(20, 21, linear.Accept),
		}, true},
		"or had happened, when a reader saw it": {[]linear.Op{
			granted, at(11, never, linear.Stop), at(11, never, linear.Fence), at(11, never, linear.End),
			at(13, 14, linear.Look, "revoking"), at(20, 21, linear.Accept),
		}, false},
		"accepted across it, and a reader listed none in between": {append([]linear.Op{
			granted, at(10, 21, linear.Accept), at(13, 14, linear.List, 0), at(22, 23, linear.List, 1),
		}, revoke(11, 12)...), false},
		"accepted across it, and a reader listed it": {append([]linear.Op{
			granted, at(10, 21, linear.Accept), at(13, 14, linear.List, 1),
		}, revoke(11, 12)...), true},
		"revoked and seen as active after it":  {append([]linear.Op{granted, at(20, 21, linear.Look, "active")}, revoke(11, 12)...), false},
		"revoked and seen as revoking after":   {append([]linear.Op{granted, at(20, 21, linear.Look, "revoking")}, revoke(11, 12)...), false},
		"refused while active":                 {[]linear.Op{granted, at(3, 4, linear.Refuse)}, false},
		"accepted while suspended":             {[]linear.Op{granted, at(3, 4, linear.Suspend), at(5, 6, linear.Accept)}, false},
		"accepted after the resume":            {[]linear.Op{granted, at(3, 4, linear.Suspend), at(5, 6, linear.Resume), at(7, 8, linear.Accept)}, true},
		"registered while suspended":           {[]linear.Op{granted, at(3, 4, linear.Suspend), at(5, 6, linear.Register, 1)}, true},
		"accepted after the expiry":            {[]linear.Op{granted, at(3, 3, linear.Expire), at(5, 6, linear.Accept)}, false},
		"registered after the expiry":          {[]linear.Op{granted, at(3, 3, linear.Expire), at(5, 6, linear.Register, 1)}, false},
		"counted what was never registered":    {[]linear.Op{granted, at(5, 6, linear.Count, 1)}, false},
		"an operation nobody knows":            {[]linear.Op{granted, at(5, 6, "forget")}, false},
		"revoked twice, the first answer lost": {append([]linear.Op{granted, at(3, never, linear.Stop), at(3, never, linear.Fence), at(3, never, linear.End)}, revoke(5, 6)...), true},
	} {
		var h linear.History
		h.Add(c.ops...)
		v, err := h.Check(10*time.Second, "")
		if (err == nil) != c.legal || v.Operations != len(c.ops) || v.Grants != 1 {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// Grants are judged apart: what is wrong with one is told of one, with a page.
func TestCheckTellsWhichGrant(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var h linear.History
	h.Add(linear.Op{Kind: linear.Grant, Grant: "good", Call: 1, Return: 2}, linear.Op{Kind: linear.Grant, Grant: "bad", Call: 1, Return: 2})
	h.Revoked("bad", 1, 3, 4, true, "")
	h.Add(linear.Op{Kind: linear.Register, Grant: "bad", N: 1, Call: 5, Return: 6, Note: "upload 7"})
	_, err := h.Check(time.Second, dir)
	if err == nil || strings.Contains(err.Error(), "good") || !strings.Contains(err.Error(), "registered after the end: register 1 upload 7") {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "bad.html")); err != nil {
		t.Error(err)
	}
	if file, err := h.Save(filepath.Join(dir, "kept")); err != nil || !strings.HasSuffix(file, "history.json") {
		t.Error(file, err)
	}
}

// What the checker cannot decide is no pass.
func TestCheckWithoutAnAnswerFails(t *testing.T) {
	t.Parallel()
	var h linear.History
	h.Add(at(1, 2, linear.Grant))
	for i := range 999 {
		h.Add(at(3, 100, linear.Register, 1+i%7))
	}
	h.Add(at(101, 102, linear.Refuse)) // never legal, and there are too many orders to see it
	if _, err := h.Check(time.Second, ""); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
	var fewer linear.History
	fewer.Add(append([]linear.Op{at(101, 102, linear.Count, 0)}, h.Ops()[:400]...)...)
	if _, err := fewer.Check(200*time.Millisecond, ""); err == nil || !strings.Contains(err.Error(), "could not be judged") {
		t.Error(err)
	}
}

func TestCheckClaims(t *testing.T) {
	t.Parallel()
	raised := []linear.Raise{{Grant: "g", Epoch: 2, At: 100}, {Grant: "g", Epoch: 3, At: 200}}
	for claimed, least := range map[int64]int64{50: 1, 100: 1, 101: 2, 200: 2, 201: 3} {
		for epoch := int64(1); epoch <= 3; epoch++ {
			err := linear.CheckClaims([]linear.Request{{Grant: "g", Epoch: epoch, Claimed: claimed}, {Grant: "other", Epoch: 1, Claimed: claimed}}, raised)
			if (err == nil) != (epoch >= least) {
				t.Errorf("epoch %d claimed at %d: %v", epoch, claimed, err)
			}
		}
	}
}

func TestCheckFences(t *testing.T) {
	t.Parallel()
	sent := []linear.Request{
		{Grant: "g", Upload: "u", Epoch: 1, Sent: 10, Done: 50},
		{Grant: "g", Upload: "u", Epoch: 2, Sent: 40, Done: linear.Never},
		{Grant: "g", Upload: "other", Epoch: 9, Sent: 0, Done: linear.Never},
	}
	fences := []linear.Fenced{{Grant: "g", MinEpoch: 2, At: 30}, {Grant: "g", MinEpoch: 3, At: 60}, {Grant: "h", MinEpoch: 7, At: 0}}
	for moment, legal := range map[int64]bool{20: true, 35: false, 45: true, 55: true, 65: false} {
		err := linear.CheckFences([]linear.Registered{{Grant: "g", Upload: "u", Row: 1, At: moment}}, sent, fences)
		if (err == nil) != legal {
			t.Errorf("registered at %d: %v", moment, err)
		}
	}
	if err := linear.CheckFences([]linear.Registered{{Grant: "g", Upload: "never sent", Row: 1, At: 5}}, sent, fences); err == nil {
		t.Error("a device that nobody asked for passes")
	}
}
