package registration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// numbered makes n devices whose product key ids count up from first.
func numbered(t testing.TB, seed uint64, first, n int) []*hardwarehash.Report {
	t.Helper()
	g := hardwarehash.NewGenerator(seed)
	out := make([]*hardwarehash.Report, n)
	for i := range out {
		out[i] = withKey(t, g.Next().Report, fmt.Sprintf("%013d", first+i))
	}
	return out
}

// keysFrom are rows that name product key ids, counting up.
func keysFrom(first, n int) []models.DeviceIdentity {
	out := make([]models.DeviceIdentity, n)
	for i := range out {
		out[i].ProductKey = fmt.Sprintf("%013d", first+i)
	}
	return out
}

func times(code string, n int) []string { return slices.Repeat([]string{code}, n) }

// A4 (mass claiming): who counts through product key ids names unknown ones beside
// those it hits, and does not get the latter, however the rows stand and are grouped.
func TestProductKeyIdsCountedThroughNeedAPerson(t *testing.T) {
	everywhere(t, func(t *testing.T, c core) {
		const first = 4_100_000_000_000
		devices := numbered(t, 601, first, 20)
		for i := range 5 {
			c.build(plant, built(devices[i]))
		}
		sub := submit(granted(elm, bolt), keysFrom(first, 15)...)
		answers := c.register(sub)
		wantCodes(t, "counting", answers, append(times("9003", 5), times("812", 10)...)...)
		if d := answers[0].Detail; !strings.Contains(d, "(keys-in-sequence)") || strings.Contains(d, string(plant)) {
			t.Errorf("the answer: %q", d)
		}
		wantCodes(t, "the same again, in other groups", c.register(withRows(sub, sub.Rows[12], sub.Rows[3])), "9003", "812")
		wantCodes(t, "a single one, later", c.register(submit(granted(elm, acme), keysFrom(first+2, 1)...)), "9003")
		wantCodes(t, "another partner", c.register(submit(granted(oak, bolt), keysFrom(first, 1)...)), "-")
		if n := c.count(bolt) + c.count(acme); n != 1 {
			t.Errorf("%d devices are registered", n)
		}

		// The manufacturer reports the rest: what was a gap is one no longer.
		for _, d := range devices[5:] {
			c.build(plant, built(d))
		}
		wantCodes(t, "all on record", c.register(submit(granted(elm, bolt), keysFrom(first+1, 19)...)), times("-", 19)...)
		c.checkArbiter()
	})
}

func TestGuessesOfEarlierUploadsCount(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		const first = 4_200_000_000_000
		device := numbered(t, 602, first+100, 1)[0]
		c.build(plant, built(device))
		wantCodes(t, "guesses", c.register(submit(granted(elm, bolt), keysFrom(first, 9)...)), times("812", 9)...)
		guess := func(n int) {
			t.Helper()
			wantCodes(t, "one more guess", c.register(submit(granted(elm, acme), keysFrom(n, 1)...)), "812")
		}
		guess(first - 1)   // out of reach
		guess(first + 201) // as well
		guess(first)       // named before
		wantCodes(t, "with nine guesses near", c.register(submit(granted(elm, bolt), keysFrom(first+100, 1)...)), "-")

		other := numbered(t, 603, first+101, 1)[0]
		c.build(plant, built(other))
		guess(first + 200)
		refused := c.register(submit(granted(elm, bolt), keysFrom(first+101, 1)...))
		wantCodes(t, "with ten", refused, "9003")
		wantCodes(t, "by hash", c.register(submit(granted(elm, bolt), hash(recapture(t, other, 1)))), "-")

		third := numbered(t, 604, first+102, 1)[0]
		c.build(plant, built(third))
		if err := c.db.Write().Exec("UPDATE missed_keys SET missed_at = ?", time.Now().Add(-25*time.Hour)).Error; err != nil {
			t.Fatal(err)
		}
		wantCodes(t, "a day later", c.register(submit(granted(elm, bolt), keysFrom(first+102, 1)...)), "-")
	})
}

// Legitimate claims in sequence: a pallet on record, one that was sold to the claimant,
// the manufacturer's own, a customer's hashes.
func TestConsecutiveKeysAreNoGuesses(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		const first = 4_300_000_000_000
		pallet := numbered(t, 605, first, 30)
		for i, d := range pallet {
			row := built(d)
			if i >= 20 {
				row = builtFor(d, elm)
			}
			c.build(plant, row)
		}
		wantCodes(t, "a pallet", c.register(submit(granted(elm, bolt), keysFrom(first, 10)...)), times("-", 10)...)
		wantCodes(t, "nine gaps", c.register(submit(granted(elm, bolt), append(keysFrom(first+10, 5), keysFrom(first+31, 9)...)...)),
			append(times("-", 5), times("812", 9)...)...)
		sold := c.register(submit(granted(elm, bolt), keysFrom(first+20, 30)...))
		wantCodes(t, "sold to the claimant", sold, append(times("-", 10), times("812", 20)...)...)
		makers := c.register(submit(granted(plant, acme), keysFrom(first+15, 40)...))
		wantCodes(t, "the manufacturer itself", makers, slices.Concat(times("-", 5), times("808", 10), times("812", 25))...)
		c.checkArbiter()
	})
}

// The manufacturer sees the case and lets the claimant have the device.
func TestSettlingAGuessedKey(t *testing.T) {
	everywhere(t, func(t *testing.T, c core) {
		const first = 4_400_000_000_000
		devices := numbered(t, 606, first, 2)
		c.build(plant, built(devices[0]), built(devices[1]))
		wantCodes(t, "counting", c.register(submit(granted(elm, bolt), keysFrom(first, 12)...)), append(times("9003", 2), times("812", 10)...)...)
		cases := c.cases(partnerCases(plant), registration.CaseFilter{})
		if len(cases) != 2 || cases[0].Reason != "keys-in-sequence" || cases[0].Settler != models.SettlerManufacturer || cases[0].PartnerID != "" || cases[0].TenantID != "" {
			t.Fatalf("the manufacturer's cases: %+v", cases)
		}
		if got := c.cases(partnerCases(rival), registration.CaseFilter{}); len(got) != 0 {
			t.Errorf("another manufacturer sees %+v", got)
		}
		if got := c.cases(all(), registration.CaseFilter{}); len(got) != 2 || got[0].PartnerID != elm {
			t.Errorf("an operator sees %+v", got)
		}
		c.settle(factory(plant), cases[0].ID, models.SettledSame, "")
		c.settle(factory(plant), cases[1].ID, models.SettledDifferent, "")
		var got []string
		for i := range 2 {
			got = append(got, codes(c.register(submit(granted(elm, bolt), keysFrom(first+i, 1)...)))...)
		}
		slices.Sort(got)
		wantSame(t, "settled as same, settled as different", got, []string{"-", "9003"})
	})
}

// The answer tells which factory's record a registration took, the same when it is
// given again, with the names that the factory itself reported.
func TestAnswersNameTheRecord(t *testing.T) {
	everywhere(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(607)
		a, b, d, e := g.Next().Report, g.Next().Report, g.Next().Report, g.Next().Report
		report := reportOf(plant, built(a), builtFor(b, elm), built(d))
		c.report(report)
		want := func(r *hardwarehash.Report, row int, foreign bool) models.RecordClaim {
			id := r.Identity()
			return models.RecordClaim{
				ReportedBy: plant, ProductKey: id.ProductKeyID, SerialNumber: id.Serial, Report: report.Upload, ReportRow: row, Foreign: foreign,
			}
		}
		sub := submit(granted(elm, bolt), productKey(a), tuple(b), hash(recapture(t, d, 1)), hash(e))
		first := c.register(sub)
		wantCodes(t, "claims", first, "-", "-", "-", "-")
		for i, w := range []models.RecordClaim{want(a, 1, true), want(b, 2, false), want(d, 3, true), {}} {
			if first[i].Record != w {
				t.Errorf("row %d: %+v, want %+v", i+1, first[i].Record, w)
			}
		}
		if again := c.register(sub); !slices.Equal(again, first) {
			t.Errorf("again: %+v, first %+v", again, first)
		}
		resolved, err := c.Resolve(t.Context(), sub.Upload, []int{1, 2, 3, 4})
		if err != nil || !slices.Equal(resolved, first) {
			t.Errorf("resolved: %+v, %v", resolved, err)
		}
		if seen := c.one(granted(elm, bolt), productKey(a)); seen.Code != models.OutcomeAlreadyAssigned || seen.Record != (models.RecordClaim{}) {
			t.Errorf("806: %+v", seen)
		}
	})
}

// What a registration taught the core about a device is not the factory's to know.
func TestARecordTellsOnlyWhatItsFactoryReported(t *testing.T) {
	both(t, func(t *testing.T, c core) {
		built0 := hardwarehash.NewGenerator(608).Next().Report
		c.build(plant, built(built0))
		sold := edited(t, built0, func(inv *hardwarehash.Inventory) { inv.ProductKeyID = "4500000000001" })
		got := c.one(granted(elm, bolt), hash(sold))
		wantCodes(t, "with another key", []models.Answer{got}, "-")
		c.remove(removal(granted(elm, bolt), got.DeviceID))
		again := c.one(granted(elm, acme), hash(recapture(t, sold, 2)))
		if again.Code != models.OutcomeRegistered || again.Record.ReportedBy != plant || again.Record.SerialNumber == "" || again.Record.ProductKey != "" {
			t.Errorf("the second claim: %+v", again)
		}
	})
}
