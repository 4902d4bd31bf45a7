package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/registration/hardwarehash"
)

// assembled is a device made of the parts of an inventory.
func assembled(t *testing.T, inv hardwarehash.Inventory) hardwarehash.Device {
	t.Helper()
	report, err := hardwarehash.New(inv)
	if err != nil {
		t.Fatal(err)
	}
	return hardwarehash.Device{Report: report}
}

// withBoardOf is a device with the motherboard of another, into which the first
// one's manufacturer, model and serial number were written.
func withBoardOf(t *testing.T, d, board hardwarehash.Device) hardwarehash.Device {
	t.Helper()
	inv, from := d.Report.Inventory, board.Report.Inventory
	inv.UUID, inv.EKPub, inv.OfflineID, inv.TPMVersion, inv.NICs = from.UUID, from.EKPub, from.OfflineID, from.TPMVersion, from.NICs
	return assembled(t, inv)
}

func hashOf(d hardwarehash.Device) map[string]any { return map[string]any{"HardwareHash": d.Hash()} }

// items reads a list.
func (w *raw) items(path string) []map[string]any {
	w.t.Helper()
	status, page := w.do("GET", path, "")
	list, ok := page["items"].([]any)
	if status != http.StatusOK || !ok {
		w.t.Fatalf("%s: %d %v", path, status, page)
	}
	out := make([]map[string]any, len(list))
	for i, item := range list {
		out[i], _ = item.(map[string]any)
	}
	return out
}

// caseAbout finds the one open case with a reason.
func (w *raw) caseAbout(reason string) string {
	w.t.Helper()
	found := w.column("/v1/attention?reason="+reason, "id")
	if len(found) != 1 {
		w.t.Fatalf("cases about %s: %q", reason, found)
	}
	return found[0]
}

// What becomes of devices in repair, each with the verdict of the table, and who
// decides where the table does not.
func TestRepair(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		var desk, ops credential
		p.site.admin(&desk, "client", "create", "--tenant", p.tenant, "--name", "repair desk", "--scope", "devices.read", "--scope", "devices.write")
		p.site.admin(&ops, "client", "create", "--name", "operations")
		adatum, adatumIT := p.newTenant("Adatum")
		p.agree(r, adatum, adatumIT)
		reseller, customer, bench := p.as(r, p.reseller), p.caller(r, p.customer), p.caller(r, desk)
		batch := 0
		submit := func(tenant string, devices ...hardwarehash.Device) []string {
			batch++
			var rows []map[string]any
			for _, d := range devices {
				rows = append(rows, hashOf(d))
			}
			return p.codes(reseller, p.rowsOf(tenant, "repair-"+string(rune('a'+batch)), rows...))
		}
		g := p.devices
		laptop, donor, third, fourth := g.Next(), g.Next(), g.Next(), g.Next()
		same(t, "four devices", submit(p.tenant, laptop, donor, third, fourth), "", "", "", "")
		ids := map[string]string{}
		for _, item := range customer.items("/v1/devices") {
			ids[item["serialNumber"].(string)] = item["id"].(string)
			if q, ok := item["quality"].(map[string]any); !ok || q["tpmSeen"] != true {
				t.Errorf("quality of a hash with TPM: %v", item["quality"])
			}
		}
		idOf := func(d hardwarehash.Device) string { return ids[d.Report.Identity().Serial] }

		again, err := hardwarehash.Recapture(laptop.Report, 1)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "captured again", submit(p.tenant, hardwarehash.Device{Report: again}), "806")
		same(t, "a new disk", submit(p.tenant, g.NewDisk(laptop)), "806")
		same(t, "a new adapter", submit(p.tenant, g.NewNIC(laptop, 1)), "806")
		same(t, "a new board, nothing rewritten", submit(p.tenant, g.NewBoard(third)), "")
		newBoard := withBoardOf(t, laptop, g.NewBoard(laptop))
		same(t, "a new board, serial rewritten", submit(p.tenant, newBoard), "9003")
		sold := g.Next()
		same(t, "a device that gets a used board", submit(p.tenant, sold), "")
		mixed := withBoardOf(t, sold, donor)
		same(t, "the board of a registered device", submit(p.tenant, mixed), "9003")

		// The table's predecessor, and why the others were matched.
		newest := customer.items("/v1/devices?limit=2")[1]["id"].(string)
		if why := customer.items("/v1/devices/" + newest + "/explanation"); len(why) != 1 || why[0]["otherDevice"] != idOf(third) || why[0]["verdict"] != "new" {
			t.Errorf("the new board is explained by %v", why)
		}
		if got := customer.column("/v1/devices/"+idOf(laptop)+"/explanation", "verdict"); !slices.Equal(got, []string{"new", "same", "same", "same", "attention"}) {
			t.Errorf("the laptop is explained by %q", got)
		}

		// Nobody else learns of it, and whoever may look may not decide.
		board, split := customer.caseAbout("board-or-tpm-changed"), customer.caseAbout("split-identity")
		stranger := p.caller(r, adatumIT)
		if got := stranger.items("/v1/attention?state=all"); len(got) != 0 {
			t.Errorf("a stranger sees %v", got)
		}
		if status, body := stranger.do("GET", "/v1/attention/"+board, ""); status != 404 || body["reason"] != "case_not_found" {
			t.Errorf("a stranger reads %d %v", status, body)
		}
		if status, body := customer.do("POST", "/v1/attention/"+board+"/settle", `{"as":"same"}`); status != 403 || body["reason"] != "insufficient_scope" {
			t.Errorf("without the right: %d %v", status, body)
		}

		settled := func(w *raw, id, body string) map[string]any {
			t.Helper()
			status, done := w.do("POST", "/v1/attention/"+id+"/settle", body)
			if status != http.StatusOK || done["state"] != "settled" {
				t.Fatalf("settle %s: %d %v", body, status, done)
			}
			return done
		}
		desks := p.commandLine(r, desk)
		if out := desks.run(0, "attention", "--reason", "board-or-tpm-changed"); !strings.Contains(out, board) {
			t.Errorf("the desk is shown\n%s", out)
		}
		if out := desks.run(0, "devices", "explain", idOf(laptop)); !strings.Contains(out, "board-or-tpm-changed") {
			t.Errorf("the laptop is explained by\n%s", out)
		}
		var done map[string]any
		out := desks.run(0, "attention", "settle", board, "--as", "replaces", "--note", "board replaced by the maker", "--output", "json")
		if err := json.Unmarshal([]byte(out), &done); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		next, _ := done["newDevice"].(string)
		if next == "" || done["deviceId"] != idOf(laptop) {
			t.Fatalf("replaced: %v", done)
		}
		same(t, "the new board, sent again", submit(p.tenant, newBoard), "806")
		if got := customer.column("/v1/devices/"+idOf(laptop)+"/history", "otherDevice"); !slices.Contains(got, next) {
			t.Errorf("the old device names its successors %q", got)
		}
		if got := customer.column("/v1/devices/"+next+"/history", "otherDevice"); !slices.Contains(got, idOf(laptop)) {
			t.Errorf("the new device names its predecessors %q", got)
		}
		if status, body := bench.do("POST", "/v1/attention/"+board+"/settle", `{"as":"same"}`); status != 409 || body["reason"] != "case_settled" {
			t.Errorf("settled in another way: %d %v", status, body)
		}
		settled(bench, split, `{"as":"different"}`)
		same(t, "the used board, told apart", submit(p.tenant, mixed), "")
		same(t, "captured again", submit(p.tenant, mixed), "806")
		same(t, "its donor", submit(p.tenant, donor), "806")

		// What touches another customer is the operator's.
		foreign := g.NewTPM(fourth)
		same(t, "in conflict with another customer", submit(adatum, foreign), "9003")
		contested := stranger.caseAbout("board-or-tpm-changed")
		if one := stranger.items("/v1/attention")[0]; one["settler"] != "operator" || one["involved"].([]any)[0].(map[string]any)["deviceId"] != nil {
			t.Errorf("the other customer sees %v", one)
		}
		if got := customer.items("/v1/attention"); len(got) != 0 {
			t.Errorf("the owner sees %v", got)
		}
		operator := p.caller(r, ops)
		settled(operator, contested, `{"as":"same","device":"`+idOf(fourth)+`"}`)
		same(t, "afterwards", submit(adatum, foreign), "808")
	})
}
