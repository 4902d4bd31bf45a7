package registration_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/models/migrations"
	"countersign/registration/hardwarehash"
)

func TestRowsOfOneReportAboutOneDevice(t *testing.T) {
	here(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(220)
		device, spare, other := g.Next().Report, g.Next().Report, g.Next().Report
		rework := reboarded(t, device, spare)
		newKey := withKey(t, other, g.Next().Report.Inventory.ProductKeyID)
		answers := c.build(
			plant, built(device), built(recapture(t, device, 1)), built(other), built(rework),
			built(newKey), returned(newKey.Inventory.ProductKeyID), built(recapture(t, rework, 1)), returned(device.Inventory.ProductKeyID), built(device),
		)
		overtaken := func(n int) string {
			return fmt.Sprintf("Superseded by row %d of this report, which states the same serial number, product key id or hardware.", n)
		}
		for i, want := range []string{
			overtaken(4), "Row 1 of this upload names the same device; that row is processed.", overtaken(5),
			"Withdrawn by row 8 of this report, which returns the product key.", "Withdrawn by row 6 of this report, which returns the product key.",
			withdrawn, "Row 4 of this upload names the same device; that row is processed.", withdrawn, onRecord,
		} {
			if answers[i].Detail != want {
				t.Errorf("row %d: %q, want %q", i+1, answers[i].Detail, want)
			}
		}
		wantCodes(t, "rows", answers, "-", "9005", "-", "-", "-", "-", "9005", "-", "-")
		if all := c.identities(); len(all) != 1 || all[0].ReportRow != 9 {
			t.Errorf("identities %+v", all)
		}
		c.checkArbiter()
	})
}

// A report that is executed after a newer one changes nothing, and what the newer
// one said still counts once its own record is gone.
func TestAnOlderReportComesLate(t *testing.T) {
	here(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(221)
		device, a, b := g.Next().Report, g.Next().Report, g.Next().Report
		first, second, third := reportOf(plant, built(device)), reportOf(plant, built(reboarded(t, device, a))), reportOf(plant, built(reboarded(t, device, b)))
		gone := reportOf(plant, returned(device.Inventory.ProductKeyID))
		wantAnswer(t, "the newest", c.report(third)[0], "", onRecord)
		live := c.live()
		wantAnswer(t, "the second", c.report(second)[0], "", outOfDate)
		wantSame(t, "records", c.live(), live)
		wantAnswer(t, "withdrawn", c.report(gone)[0], "", withdrawn)
		wantAnswer(t, "the first", c.report(first)[0], "", outOfDate)
		wantSame(t, "records", c.live(), nil)

		id := c.one(granted(oak, acme), hash(device)).DeviceID
		last := reportOf(plant, built(device))
		wantAnswer(t, "attached", c.build(plant, built(device))[0], "", attached)
		wantAnswer(t, "older than the record attached", c.report(last)[0], "", outOfDate)
		wantAnswer(t, "in conflict and older", c.report(justBefore(third, last))[0], "", outOfDate)
		c.remove(removal(own(acme), id))
		c.checkArbiter()
	})
}

// justBefore is the row of one report as it would stand in an upload accepted right
// before another.
func justBefore(of, before models.Submission) models.Submission {
	of.Upload = models.TrackingID(string(before.Upload[:35]) + "0")
	if of.Upload >= before.Upload {
		of.Upload = before.Upload[:34] + "00"
	}
	return of
}

// history draws dispatches of one OEM, in the order of acceptance, over few boards,
// serials and product key ids: built,
// reworked in every way, returned.
func history(t *rapid.T, seed uint64) []models.Submission {
	g := hardwarehash.NewGenerator(seed)
	hardware := make([]*hardwarehash.Report, 4)
	for i := range hardware {
		hardware[i] = g.Next().Report
	}
	pick := func(label string) *hardwarehash.Report { return hardware[rapid.IntRange(0, 3).Draw(t, label)] }
	row := func() models.CoreRow {
		board, system, key := pick("board"), pick("system"), pick("key")
		if rapid.IntRange(0, 5).Draw(t, "returned") == 0 {
			return returned(key.Inventory.ProductKeyID)
		}
		inv := board.Inventory
		inv.System, inv.ProductKeyID = system.Inventory.System, key.Inventory.ProductKeyID
		switch rapid.IntRange(0, 7).Draw(t, "part") {
		case 0:
			inv.EKPub, inv.OfflineID = pick("TPM").Inventory.EKPub, nil
		case 1:
			inv.EKPub, inv.OfflineID = nil, nil
		case 2:
			inv.ProductKeyID = ""
		case 3:
			inv.UUID = nil
		}
		report, err := hardwarehash.New(inv)
		if err != nil {
			t.Fatal(err)
		}
		return builtFor(report, rapid.SampledFrom([]models.PartnerID{"", oak}).Draw(t, "sold"))
	}
	var out []models.Submission
	for range rapid.IntRange(1, 5).Draw(t, "reports") {
		rows := make([]models.CoreRow, rapid.IntRange(1, 4).Draw(t, "rows"))
		for j := range rows {
			rows[j] = row()
		}
		sub := reportOf(plant, rows...)
		cut := rapid.IntRange(1, len(rows)).Draw(t, "cut")
		out = append(out, withRows(sub, sub.Rows[:cut]...))
		if cut < len(rows) {
			out = append(out, withRows(sub, sub.Rows[cut:]...))
		}
	}
	return out
}

// Whatever the order in which reports are executed, the same records stand and the
// same statements are kept; no serial and no product key id has two live records,
// and each record is the newest report about every name it states.
func TestTheOrderOfExecutionDoesNotMatter(t *testing.T) {
	t.Parallel()
	c := newCore(t, dbtest.New(t, db.SQLite, migrations.Core))
	rapid.Check(t, func(rt *rapid.T) {
		reports := history(rt, rapid.Uint64Range(0, 50).Draw(rt, "seed"))
		c.empty()
		for _, sub := range reports {
			c.report(sub)
		}
		c.checkArbiter()
		live, said := c.live(), c.statements()
		newestPerName(rt, c, reports)
		order := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "order"), 1)).Perm(len(reports))
		c.empty()
		for _, i := range order {
			c.report(reports[i])
		}
		c.checkArbiter()
		if got := c.live(); !slices.Equal(got, live) {
			rt.Fatalf("order %v:\n%q\nin order of acceptance:\n%q", order, got, live)
		}
		if got := c.statements(); !slices.Equal(got, said) {
			rt.Fatalf("order %v: statements\n%q\nin order of acceptance:\n%q", order, got, said)
		}
	})
}

// newestPerName compares the live records with the reports themselves.
func newestPerName(t *rapid.T, c core, reports []models.Submission) {
	serials, keys := map[string]string{}, map[string]string{} // to the newest report about it
	for _, sub := range reports {
		for _, row := range sub.Rows {
			place := fmt.Sprint(sub.Upload, "/", row.Row)
			if row.Returned {
				keys[row.Identity.ProductKey] = "returned"
				continue
			}
			report, err := hardwarehash.Decode(row.Identity.Hash)
			if err != nil {
				t.Fatal(err)
			}
			id := report.Identity()
			serials[id.Serial], keys[id.ProductKeyID] = place, place
		}
	}
	seen := map[string]bool{}
	for _, i := range c.identities() {
		if i.RetiredAt != nil {
			continue
		}
		place := fmt.Sprint(i.ReportTrackingID, "/", i.ReportRow)
		for _, name := range []string{"serial " + i.Serial, "key " + i.ProductKey} {
			if name != "key " && seen[name] {
				t.Fatalf("two live records state %s", name)
			}
			seen[name] = true
		}
		// A repetition inside a report is not a newer word, so the newest report is
		// compared without its row.
		if !sameUpload(serials[i.Serial], place) {
			t.Fatalf("the record of serial %s is of %s, the newest report is %s", i.Serial, place, serials[i.Serial])
		}
		if i.ProductKey != "" && !sameUpload(keys[i.ProductKey], place) {
			t.Fatalf("the record of key %s is of %s, the newest report is %s", i.ProductKey, place, keys[i.ProductKey])
		}
	}
}

func sameUpload(a, b string) bool { return len(a) > 36 && len(b) > 36 && a[:36] == b[:36] }

// empty deletes everything but the history.
func (c core) empty() {
	c.t.Helper()
	for _, table := range []string{"identities", "identity_hashes", "identity_keys", "registration_anchors", "factory_statements", "answers"} {
		if err := c.db.Write().WithContext(c.t.Context()).Exec("DELETE FROM " + table).Error; err != nil {
			c.t.Fatal(err)
		}
	}
}

// The same with rows torn apart, in all orders, on both databases: rework of the
// serial, of the key and of the board, one after another.
func TestEveryPermutationOfAChainOfRework(t *testing.T) {
	here(t, func(t *testing.T, c core) {
		g := hardwarehash.NewGenerator(222)
		a, b, d := g.Next().Report, g.Next().Report, g.Next().Report
		chain := []models.Submission{
			reportOf(plant, built(a)),
			reportOf(plant, built(withKey(t, b, a.Inventory.ProductKeyID))),
			reportOf(plant, built(reboarded(t, b, d))),
			reportOf(plant, built(withKey(t, a, d.Inventory.ProductKeyID))),
			reportOf(plant, returned(b.Inventory.ProductKeyID)),
		}
		var want []string
		for n, order := range permutations(len(chain)) {
			if n%5 > 0 && c.db.Dialect() == db.Postgres {
				continue // all of them on the faster database
			}
			c.empty()
			for _, i := range order {
				c.report(chain[i])
			}
			got := append(c.live(), c.statements()...)
			if n == 0 {
				want = got
				if live := c.live(); len(live) != 1 {
					t.Fatalf("in order of acceptance %q stand", live)
				}
			}
			wantSame(t, fmt.Sprint("order ", order), got, want)
			c.checkArbiter()
		}
	})
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for at := range n {
			out = append(out, slices.Insert(slices.Clone(p), at, n-1))
		}
	}
	slices.SortFunc(out, slices.Compare)
	return out
}

// Two rows of one report about one device, the later of which states less, or a
// buyer: it is the newer word, whatever dispatches the rows travel in and whenever
// these are executed. The key that only the earlier row stated is then free for
// another record.
func TestALaterRowIsTheNewerWordHoweverRowsAreGrouped(t *testing.T) {
	g := hardwarehash.NewGenerator(240)
	device, other := g.Next().Report, g.Next().Report
	keyless := withKey(t, device, "")
	for name, later := range map[string]models.CoreRow{
		"states no key": built(keyless), "states no TPM": built(edited(t, device, noTPM)), "states a buyer": builtFor(device, elm),
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, c core) {
				report := reportOf(plant, built(device), later)
				next := reportOf(plant, built(withKey(t, other, device.Inventory.ProductKeyID)))
				first, second := withRows(report, report.Rows[0]), withRows(report, report.Rows[1])
				for _, orders := range [][][]models.Submission{
					{{first, second}, {report}, {second, first}},
					{{first, second, next}, {report, next}, {next, report}, {second, first, next}, {next, second, first}},
				} {
					var want []string
					for _, order := range orders {
						c.empty()
						for _, sub := range order {
							c.report(sub)
						}
						c.checkArbiter()
						if want == nil {
							want = c.live()
						}
						wantSame(t, "live records", c.live(), want)
					}
				}
			})
		})
	}
}
