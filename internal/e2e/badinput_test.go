package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
)

// raw speaks HTTP to a server as a client nobody here wrote would.
type raw struct {
	t     *testing.T
	base  string
	token string
}

func (p *people) raw(r *replica) *raw {
	p.t.Helper()
	token, err := p.as(r, p.reseller).Token(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return &raw{p.t, r.url, token.Value}
}

func (w *raw) do(method, path, body string, headers ...string) (int, map[string]any) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.base+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			w.t.Fatalf("%s %s answered %.200q: %v", method, path, text, err)
		}
	}
	return res.StatusCode, out
}

// empty reports a member that is absent or says nothing.
func empty(member any) bool { return member == nil || member == "" }

func TestBadInput_isRefusedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.start()
	p := newPeople(t, s)
	p.agree(r, p.tenant, p.customer)
	w, path := p.raw(r), "/v1/customers/"+p.tenant+"/deviceBatches"
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	for name, c := range map[string]struct {
		method, body, reason string
		headers              []string
	}{
		"truncated":              {body: `{"BatchId":"x","Devices":[{"SerialNumber":"a"`, reason: "body_malformed"},
		"a number for the name":  {body: `{"BatchId":1,"Devices":[]}`, reason: "body_malformed"},
		"devices as text":        {body: `{"BatchId":"x","Devices":"y"}`, reason: "body_malformed"},
		"nested 10,000 deep":     {body: `{"BatchId":"x","More":` + deep + `,"Devices":[{}]}`, reason: "body_malformed"},
		"invalid UTF-8":          {body: "{\"BatchId\":\"\xff\",\"Devices\":[{}]}", reason: "body_malformed"},
		"a second document":      {body: `{"BatchId":"x","Devices":[{"ProductKey":"1"}]}{}`, reason: "body_malformed"},
		"a member twice":         {body: `{"BatchId":"x","batchid":"y","Devices":[{}]}`, reason: "body_malformed"},
		"no devices":             {body: `{"BatchId":"x","Devices":[]}`, reason: "no_devices"},
		"no body":                {body: ``, reason: "body_malformed"},
		"a wrong content type":   {body: `{}`, headers: []string{"Content-Type", "application/xml"}, reason: "unsupported_media_type"},
		"not gzip":               {body: `{}`, headers: []string{"Content-Encoding", "gzip"}, reason: "body_encoding"},
		"not zstd":               {body: `{}`, headers: []string{"Content-Encoding", "zstd"}, reason: "body_encoding"},
		"brotli":                 {body: `{}`, headers: []string{"Content-Encoding", "br"}, reason: "unsupported_encoding"},
		"coded twice":            {body: `{}`, headers: []string{"Content-Encoding", "gzip, zstd"}, reason: "unsupported_encoding"},
		"a wrong method":         {method: http.MethodPatch, body: `{}`, reason: "method_not_allowed"},
		"a name with a slash":    {body: `{"BatchId":"a/b","Devices":[{"ProductKey":"1"}]}`, reason: "invalid_batch_name"},
		"a control in the name":  {body: `{"BatchId":"a\u0000b","Devices":[{"ProductKey":"1"}]}`, reason: "invalid_batch_name"},
		"a CSV without a header": {body: "a,b\n1,2\n", headers: []string{"Content-Type", "text/csv"}, reason: ""},
	} {
		method := c.method
		if method == "" {
			method = http.MethodPost
		}
		began := time.Now()
		status, body := w.do(method, path, c.body, c.headers...)
		if status != http.StatusBadRequest || c.reason != "" && body["reason"] != c.reason || empty(body["detail"]) {
			t.Errorf("%s: %d %v, want 400 %s", name, status, body, c.reason)
		}
		if spent := time.Since(began); spent > 5*time.Second {
			t.Errorf("%s: refused after %v", name, spent)
		}
	}
	uploads, _, err := client.Collect(p.as(r, p.reseller).Uploads(t.Context(), client.UploadFilter{}), 10)
	if err != nil || len(uploads) != 0 {
		t.Errorf("%d uploads are stored, %v", len(uploads), err)
	}
}

// A broken device inside a sound container is that row's outcome.
func TestBadInput_brokenDevicesAreRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.start()
	p := newPeople(t, s)
	p.agree(r, p.tenant, p.customer)
	huge := strings.Repeat("x", 1<<20)
	body := `{"BatchId":"rows","Devices":[{"SerialNumber":5},{"SerialNumber":"` + huge + `"},{"SerialNumber":"a\u0000b","OemManufacturerName":"m","ModelName":"x"},` +
		`{"HardwareHash":"!!!"},{"ProductKey":"BBBBB-CCCCC-DDDDD-FFFFF-GGGGG"},{"Policies":[{"Key":"o_o_b_e","Value":"p"}],"ProductKey":"3258505007954"},{}]}`
	receipt := p.send(p.as(r, p.reseller), delivery{Submission: client.Submission{
		Tenant: p.tenant, RequestID: client.NewRequestID(), Body: client.BytesBody("application/json", []byte(body)),
	}})
	status := p.outcome(p.as(r, p.reseller), p.tenant, receipt.TrackingID, 20*time.Second)
	var codes []string
	for _, row := range status.DevicesStatus {
		codes = append(codes, codeOf(row))
		if strings.Contains(row.Detail, "BBBBB") {
			t.Errorf("a product key is echoed: %s", row.Detail)
		}
	}
	same(t, "rows", codes, "801", "801", "801", "802", "801", "809", "803")
	if log := r.log.String(); strings.Contains(log, "BBBBB") {
		t.Error("a product key is in the log")
	}
}

// A client that writes its whole body before it reads gets the refusal and not a
// broken pipe; one that waits for 100 Continue gets it before the body.
func TestBadInput_refusedBeforeTheBodyWasRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.start()
	p := newPeople(t, s) // no consent
	w := p.raw(r)
	const size = 20 << 20
	head := func(extra string, length int) string {
		return fmt.Sprintf("POST /v1/customers/%s/deviceBatches HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n",
			p.tenant, w.token, length, extra)
	}
	for name, c := range map[string]struct{ head, body string }{
		"writes first":          {head("", size), strings.Repeat(" ", size)},
		"waits to be asked for": {head("Expect: 100-continue\r\n", size), ""},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, c.head+c.body); err != nil {
			t.Errorf("%s: the write broke: %v", name, err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: no answer: %v", name, err)
		}
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", name, res.StatusCode)
		}
		_ = conn.Close()
	}
	uploads, _, err := client.Collect(p.as(r, p.reseller).Uploads(t.Context(), client.UploadFilter{}), 10)
	if err != nil || len(uploads) != 0 {
		t.Errorf("%d uploads are stored, %v", len(uploads), err)
	}
}

// Memory does not grow with the size of an upload: what is alive in the server while it
// reads 40 MB stays below a quarter of them.
func TestBadInput_memoryStaysFlat(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.start(oftenCollected)
	p := newPeople(t, s)
	p.agree(r, p.tenant, p.customer)
	w := p.raw(r)
	rows := make([]string, 10_000)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"SerialNumber":"SN-%d","OemManufacturerName":"m","ModelName":"x","HardwareHash":"%s"}`, i, strings.Repeat("A", 4000))
	}
	body := `{"BatchId":"large","Devices":[` + strings.Join(rows, ",") + `]}`
	grown := growth(t, r, func() {
		status, answer := w.do(http.MethodPost, "/v1/customers/"+p.tenant+"/deviceBatches", body)
		if status != http.StatusAccepted {
			t.Errorf("status %d: %v", status, answer)
		}
	})
	if limit := len(body) / 4; grown > limit {
		t.Errorf("an upload of %d MB made the server's heap %d MB larger, more than %d", len(body)>>20, grown>>20, limit>>20)
	}
}

// Nor does it grow with their number.
func TestBadInput_memoryOfManyRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, db.SQLite)
	r := s.start(oftenCollected)
	p := newPeople(t, s)
	p.agree(r, p.tenant, p.customer)
	rows := make([]map[string]any, 20_000)
	for i := range rows {
		rows[i] = map[string]any{"SerialNumber": fmt.Sprintf("SN-%d", i), "OemManufacturerName": "m", "ModelName": "x"}
	}
	cl := p.as(r, p.reseller)
	batch := p.rowsOf(p.tenant, "many", rows...)
	var receipt client.Receipt
	grown := growth(t, r, func() {
		var err error
		if receipt, err = cl.Submit(t.Context(), batch); err != nil {
			t.Error(err)
		}
	})
	upload, err := cl.Upload(t.Context(), client.Owner{}, receipt.TrackingID)
	if err != nil || upload.Rows.Total != len(rows) {
		t.Errorf("%d rows are stored, %v", upload.Rows.Total, err)
	}
	const limit = 10 << 20
	if grown > limit {
		t.Errorf("20,000 tuples made the server's heap %d MB larger, more than %d", grown>>20, limit>>20)
	}
}

// oftenCollected makes the heap's goal follow what is alive closely.
const oftenCollected = "GOGC=25"

// growth is by how many bytes the heap that the server's collector aims at grew at most
// while do ran. The collector aims at what it found alive and a fixed part more, so the
// figure is the same on a busy machine, which the process's size in the system is not: the
// race detector's own memory and pages not given back yet are in that.
func growth(t *testing.T, r *replica, do func()) int {
	t.Helper()
	before := heapGoal(t, r)
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	samples := time.NewTicker(100 * time.Millisecond)
	defer samples.Stop()
	for most := before; ; {
		select {
		case <-done:
			return max(most, heapGoal(t, r)) - before
		case <-samples.C:
			most = max(most, heapGoal(t, r))
		}
	}
}

// heapGoal is how large the server's collector lets the heap become, in bytes.
func heapGoal(t *testing.T, r *replica) int {
	t.Helper()
	goal, err := strconv.ParseFloat(metric(t.Context(), t, r, "go_memstats_next_gc_bytes"), 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(goal)
}
