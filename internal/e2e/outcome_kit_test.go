package e2e

import (
	"encoding/json"
	"net/http"
	"testing"

	"countersign/gateway/client"
	"countersign/gateway/wire"
)

// outcomePages walks a collection as a Partner Center client does, in pages of a
// chosen size, which gateway/client does not offer.
func outcomePages(t *testing.T, w *raw, path string) [][]wire.Device {
	t.Helper()
	var pages [][]wire.Device
	for token := ""; ; {
		page := outcomePage(t, w, path, token)
		if page.TotalCount != len(page.Items) {
			t.Errorf("totalCount %d on a page of %d", page.TotalCount, len(page.Items))
		}
		pages = append(pages, page.Items)
		if token = page.ContinuationToken; token == "" {
			return pages
		}
		if len(pages) > 20 {
			t.Fatal("the list does not end")
		}
	}
}

func outcomePage(t *testing.T, w *raw, path, token string) wire.Collection[wire.Device] {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	if token != "" {
		req.Header.Set("MS-ContinuationToken", token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var page wire.Collection[wire.Device]
	if err := json.NewDecoder(res.Body).Decode(&page); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", path, res.StatusCode, err)
	}
	return page
}

// A batch that grew by an append lists the devices of both calls, each once, in
// pages of the size asked for.
func TestOutcome_ofABatchThatGrows(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		cl, w := p.as(r, p.reseller), p.raw(r)
		first, more := p.delivery(p.tenant, 10), p.delivery(p.tenant, 3)
		more.Append, more.Batch = true, "batch 1"
		more.Body = client.BytesBody("application/json", devicesOf(t, more))
		same(t, "create", p.codes(cl, first.Submission), make([]string, 10)...)
		same(t, "append", p.codes(cl, more.Submission), make([]string, 3)...)

		batches, _, err := client.Collect(cl.Batches(t.Context(), p.tenant), 10)
		if err != nil || len(batches) != 1 || batches[0].ID != "batch 1" || batches[0].DevicesCount != 13 {
			t.Errorf("batches %+v, %v", batches, err)
		}
		seen, sizes := map[string]bool{}, []int{}
		for _, page := range outcomePages(t, w, "/v1/customers/"+p.tenant+"/deviceBatches/batch%201/devices?size=4") {
			sizes = append(sizes, len(page))
			for _, device := range page {
				seen[device.ID] = true
			}
		}
		if len(seen) != 13 || len(sizes) != 4 || sizes[0] != 4 || sizes[3] != 1 {
			t.Errorf("%d devices in pages of %v, want 13 in 4 4 4 1", len(seen), sizes)
		}
	})
}

// Statuses come in the order of the rows, whatever happened to each.
func TestOutcome_inInputOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, r *replica, p *people) {
		p.agree(r, p.tenant, p.customer)
		good := func() map[string]any { return map[string]any{"HardwareHash": p.devices.Next().Hash()} }
		twice := good()
		same(t, "mixed rows", p.codes(p.as(r, p.reseller), p.rowsOf(p.tenant, "mixed",
			good(), map[string]any{}, twice, map[string]any{"HardwareHash": "!!!"}, twice, good())),
			"", "803", "", "802", "9005", "")
	})
}
