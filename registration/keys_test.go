package registration

import (
	"slices"
	"strings"
	"testing"

	"countersign/models"
	"countersign/registration/hardwarehash"
	"countersign/registration/match"
)

// Two devices that agree on an identifier share a look-up key of that kind, or a
// candidate that agrees on nothing else would be missed.
func TestWhateverAgreesSharesAKey(t *testing.T) {
	t.Parallel()
	g := hardwarehash.NewGenerator(80)
	var all []hardwarehash.Identity
	for range 40 {
		d := g.Next()
		for _, r := range []hardwarehash.Device{d, g.NewDisk(d), g.NewBoard(d), g.NewTPM(d), g.NewNIC(d, 0)} {
			all = append(all, r.Report.Identity())
		}
	}
	kinds := map[match.Kind]int64{
		match.EndorsementKey: keyOfEK, match.UUID: keyOfUUID, match.Serial: keyOfTuple,
		match.SystemDisk: keyOfDisk, match.Network: keyOfMAC, match.ProductKeyID: keyOfProductKey,
	}
	agreeing := 0
	for i := range all {
		for j := range i {
			a, b := identityOf(all[i]), identityOf(all[j])
			for _, kind := range match.Compare(all[i], all[j]).Of(match.Agrees) {
				agreeing++
				shared := func(k int64) bool { return k>>payloadBits == kinds[kind] && slices.Contains(keysOf(&b), k) }
				if !slices.ContainsFunc(keysOf(&a), shared) {
					t.Fatalf("%s agrees in %+v and %+v, and they share no key of it", kind, all[i], all[j])
				}
			}
		}
	}
	if agreeing < 1000 {
		t.Fatalf("only %d identifiers agree", agreeing)
	}
}

func TestIdentitySurvivesStorage(t *testing.T) {
	t.Parallel()
	want := hardwarehash.NewGenerator(81).Next().Report.Identity()
	stored := identityOf(want)
	if got := deviceOf(&stored); match.Compare(got, want).Of(match.Agrees) == nil || len(match.Compare(got, want).Of(match.Agrees)) != 6 || len(got.MACs) != len(want.MACs) {
		t.Errorf("came back as %+v, was %+v", got, want)
	}
	empty := models.Identity{}
	if keys := keysOf(&empty); len(keys) != 0 || len(anchorsOf(&empty)) != 0 {
		t.Errorf("nothing known gives keys %v", keys)
	}
}

// Serials of one production line stand side by side in the index, in order.
func TestKeysOfOneLineAreNeighbours(t *testing.T) {
	t.Parallel()
	serials := []string{"PF0-000A1", "PF0-000A2", "PF0-000B1", "PF0-0010A", "PF0-Z0000"}
	keys := make([]int64, len(serials))
	for i, s := range serials {
		keys[i] = tupleKey("Maker", "Model 7", s)
	}
	if !slices.IsSorted(keys) || keys[1]-keys[0] != 1 {
		t.Errorf("keys %x are not in the order of their serials", keys)
	}
	if other := tupleKey("Maker", "Model 8", serials[0]); other>>36 == keys[0]>>36 {
		t.Error("another model has the same neighbourhood")
	}
	if tupleKey("MAKER", "model 7", strings.ToLower(serials[0])) != keys[0] {
		t.Error("letter case changes the key, so a near miss could not be found")
	}
	if tupleKey("Maker", "Model 7", "日本一") == tupleKey("Maker", "Model 7", "日本二") {
		t.Error("serials without Latin letters all have one key")
	}
}

// Makers count every line from the same numbers. Were those all that a key sees, a
// dispatch would meet a device of each line for each of its own.
func TestLinesThatCountAlikeDoNotMeet(t *testing.T) {
	t.Parallel()
	seen := map[int64]uint64{}
	for line := range uint64(60) {
		g := hardwarehash.NewGenerator(1000 + line)
		for range 50 {
			device := identityOf(g.NextIdentity())
			for _, k := range keysOf(&device) {
				if other, met := seen[k]; met && other != line {
					t.Fatalf("key %x stands for devices of lines %d and %d", k, other, line)
				}
				seen[k] = line
			}
		}
	}
}

func TestProductKeysHaveThirteenDigits(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "325850500795", "32585050079541", "3.25851E+12", "325850500795x", "+325850500795", "VK7JG-NPHTM-C97JM-9MPGT-3V66T"} {
		if _, ok := productKeyKey(bad); ok {
			t.Errorf("%q passes for a product key id", bad)
		}
	}
	if k, ok := productKeyKey("3258505007954"); !ok || k != keyOfProductKey<<60|3258505007954 {
		t.Errorf("key %x, %v", k, ok)
	}
}

func TestMACKeysAreBounded(t *testing.T) {
	t.Parallel()
	i := models.Identity{MACs: make([]byte, 6*100)}
	for n := range i.MACs {
		i.MACs[n] = byte(n * 7 / 6)
	}
	if n := len(keysOf(&i)); n != maxMACKeys {
		t.Errorf("%d keys, want %d", n, maxMACKeys)
	}
}
