package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"countersign/gateway/wire"
	"countersign/models"
	"countersign/registration/hardwarehash"
)

// fakeGateway answers like a gateway, from memory. What becomes of a device is
// written in its serial number: FIX…, ASK…, WAIT…, OPEN…; all others are done.
type fakeGateway struct {
	*httptest.Server
	mux *http.ServeMux

	mu       sync.Mutex
	uploads  []*fakeUpload
	byKey    map[string]*fakeUpload
	ids      map[string]bool // request ids seen with a submission
	bodies   []string
	queries  []string
	types    []string
	consents map[string]wire.Consent
	refuse   string        // word for every submission
	after    string        // Retry-After with it
	lose     int           // answers to submissions that get lost
	down     bool          // nothing is answered at all
	hang     bool          // submissions are accepted, but the answer does not come
	hanging  chan struct{} // one value for each submission that hangs
	cutRows  bool          // row lists break off
	die      int           // goes down after so many submissions were stored, without an answer to the last
	domain   string        // the customer's verified domain
	asked    []string      // queries of lists
}

type fakeUpload struct {
	wire.Upload
	digest [32]byte
	rows   []wire.UploadRow
}

func newFakeGateway() *fakeGateway {
	f := &fakeGateway{byKey: map[string]*fakeUpload{}, ids: map[string]bool{}, consents: map[string]wire.Consent{}, hanging: make(chan struct{}, 10)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth2/token", f.token)
	mux.HandleFunc("POST /v1/customers/{tenant}/deviceBatches", f.submit)
	mux.HandleFunc("POST /v1/customers/{tenant}/deviceBatches/{batch}/devices", f.submit)
	mux.HandleFunc("GET /v1/uploads/{tracking}/void", f.previewVoid)
	mux.HandleFunc("POST /v1/uploads/{tracking}/void", f.void)
	mux.HandleFunc("POST /v1/oem/buildReports", f.submit)
	mux.HandleFunc("GET /v1/uploads", f.listUploads)
	mux.HandleFunc("GET /v1/uploads/{id}", f.upload)
	mux.HandleFunc("GET /v1/uploads/{id}/rows", f.rows)
	f.routeConsents(mux)
	f.routeLists(mux)
	f.mux = mux
	f.Server = httptest.NewServer(f)
	return f
}

func (f *fakeGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	down := f.down
	f.mu.Unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	f.mux.ServeHTTP(w, r)
}

func (f *fakeGateway) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if (id != "plant-7" || secret != "s3cret") && r.FormValue("client_assertion") == "" {
		writeJSON(w, 401, wire.OAuthError{Error: "invalid_client", Description: "Client authentication failed."})
		return
	}
	writeJSON(w, 200, map[string]any{"access_token": "t", "token_type": "Bearer", "expires_in": 600, "scope": "devices.read devices.write"})
}

func (f *fakeGateway) submit(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(unpacked(r))
	if err != nil {
		panic(http.ErrAbortHandler) // the sender broke off; nothing is stored
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := r.Header.Get("MS-RequestId")
	f.ids[id] = true
	if f.refuse != "" {
		refuseWith(w, r, f.refuse, f.after)
		return
	}
	if domain := r.URL.Query().Get("expectedDomain"); domain != "" && domain != f.domain {
		writeJSON(w, 409, wire.Problem{Code: "3000", Status: 409, Detail: "The customer has no such domain.", Reason: "expected_domain_mismatch", NextActor: wire.ActorPartner})
		return
	}
	if r.Header.Get("Prefer") == "validate-only" {
		foresee(w, r, body)
		return
	}
	key := r.URL.Path + "?" + r.URL.RawQuery + " " + id
	u, replayed := f.byKey[key], true
	if u == nil {
		u, replayed = f.accept(r, body), false
		f.byKey[key] = u
	}
	if u.digest != sha256.Sum256(body) {
		refuseWith(w, r, "idempotency_key_reused", "")
		return
	}
	if f.lose > 0 {
		f.lose--
		panic(http.ErrAbortHandler)
	}
	if f.hang {
		f.hanging <- struct{}{}
		f.mu.Unlock()
		<-r.Context().Done()
		f.mu.Lock()
	}
	if f.die > 0 && !replayed {
		if f.die--; f.die == 0 {
			f.down = true
			panic(http.ErrAbortHandler)
		}
	}
	w.Header().Set("Location", "/customers/"+r.PathValue("tenant")+"/batchJobStatus/"+u.TrackingID)
	if u.Kind == kindReport {
		w.Header().Set("Location", "/oem/buildReports/"+u.TrackingID)
	}
	if replayed {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	w.WriteHeader(http.StatusAccepted)
}

// foresee answers a dry run with what accept would make of it.
func foresee(w http.ResponseWriter, r *http.Request, body []byte) {
	var u fakeUpload
	for i, serial := range serials(r.Header.Get("Content-Type"), body) {
		u.add(i+1, serial)
		u.rows[i].DeviceID = ""
	}
	writeJSON(w, 200, wire.Forecast{ValidateOnly: true, Items: u.rows, Rows: wire.ForecastCounts{
		Total: u.Rows.Total, WouldSucceed: u.Rows.Total - u.Rows.WithErrors, WouldFail: u.Rows.WithErrors,
	}})
}

// registered counts what an upload registered and that was not voided.
func (f *fakeGateway) registered(tracking string) (n int, of *fakeUpload) {
	for _, u := range f.uploads {
		switch {
		case u.TrackingID == tracking:
			n, of = u.Rows.Total-u.Rows.WithErrors, u
		case u.Voids == tracking:
			n = 0
		}
	}
	return n, of
}

func (f *fakeGateway) previewVoid(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, of := f.registered(r.PathValue("tracking"))
	writeJSON(w, 200, wire.VoidPreview{TrackingID: of.TrackingID, Devices: n, Rows: of.Rows})
}

func (f *fakeGateway) void(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var asked wire.Void
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		panic(err)
	}
	n, of := f.registered(r.PathValue("tracking"))
	if n != asked.Devices {
		refuseWith(w, r, "void_count_changed", "")
		return
	}
	u := &fakeUpload{Upload: wire.Upload{
		TrackingID: fmt.Sprintf("track-%d", len(f.uploads)+1), Kind: "remove", State: "finished", TenantID: of.TenantID, Voids: of.TrackingID,
	}}
	for i := range n {
		u.add(i+1, fmt.Sprintf("GONE-%d", i))
	}
	f.uploads = append(f.uploads, u)
	w.Header().Set("Location", "/customers/"+u.TenantID+"/batchJobStatus/"+u.TrackingID)
	w.WriteHeader(http.StatusAccepted)
}

// unpacked is the body without its coding.
func unpacked(r *http.Request) io.Reader {
	if r.Header.Get("Content-Encoding") != "zstd" {
		return r.Body
	}
	plain, err := zstd.NewReader(r.Body, zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return plain
}

func (f *fakeGateway) accept(r *http.Request, body []byte) *fakeUpload {
	f.bodies, f.queries = append(f.bodies, string(body)), append(f.queries, r.URL.RawQuery)
	f.types = append(f.types, r.Header.Get("Content-Type"))
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	u := &fakeUpload{digest: sha256.Sum256(body)}
	u.Upload = wire.Upload{
		TrackingID: fmt.Sprintf("track-%d", len(f.uploads)+1), Kind: "register", State: "finished", TenantID: r.PathValue("tenant"),
		BatchName: r.URL.Query().Get("batchId") + r.PathValue("batch"), AcceptedAt: &now, RequestID: r.Header.Get("MS-RequestId"),
	}
	if strings.HasPrefix(r.URL.Path, "/v1/oem/") {
		u.Kind, u.TenantID = kindReport, ""
	}
	for i, serial := range serials(r.Header.Get("Content-Type"), body) {
		u.add(i+1, serial)
	}
	f.uploads = append(f.uploads, u)
	return u
}

func (u *fakeUpload) add(n int, serial string) {
	u.Rows.Total++
	if strings.HasPrefix(strings.TrimLeft(serial, "="), "OPEN") {
		u.State, u.Rows.Open = "processing", u.Rows.Open+1
		u.rows = append(u.rows, wire.UploadRow{Row: n, Status: "processing", SerialNumber: serial})
		return
	}
	code := models.OutcomeRegistered
	for prefix, c := range map[string]models.OutcomeCode{"FIX": models.OutcomeMissingIdentifier, "ASK": models.OutcomeConsentEnded, "WAIT": models.OutcomeStorageError, "OLD": models.OutcomeAlreadyAssigned} {
		if strings.HasPrefix(strings.TrimLeft(serial, "="), prefix) {
			code = c
		}
	}
	o := models.OutcomeOf(code)
	row := wire.UploadRow{
		Row: n, Status: "finished", SerialNumber: serial, ErrorCode: string(o.Code), ErrorDescription: o.Description,
		OutcomeClass: string(o.Class), Detail: o.Sentence, NextActor: o.NextActor, SafeToRepeat: &o.SafeToRepeat,
	}
	if code != models.OutcomeRegistered {
		row.Status, u.State, u.Rows.WithErrors = "finished_with_errors", "finished_with_errors", u.Rows.WithErrors+1
	} else {
		row.DeviceID = "device-of-" + serial
	}
	u.rows = append(u.rows, row)
}

// serials finds the serial numbers: the first column of a CSV, or a member.
func serials(contentType string, body []byte) (found []string) {
	if strings.HasPrefix(contentType, "text/csv") {
		for i, line := range strings.Split(strings.TrimSpace(strings.ReplaceAll(string(body), "\r", "")), "\n") {
			if serial, _, _ := strings.Cut(line, ","); i > 0 && strings.TrimSpace(line) != "" {
				found = append(found, serial)
			}
		}
		return found
	}
	for _, d := range jsonDevices(contentType, body) {
		found = append(found, cmp.Or(d.SerialNumber, serialInside(d.HardwareHash), "by-key-"+d.ProductKey))
	}
	return found
}

// fakeDeviceRow is what a device and a key of a report have in common.
type fakeDeviceRow struct{ SerialNumber, ProductKey, HardwareHash string }

func jsonDevices(contentType string, body []byte) (list []fakeDeviceRow) {
	if contentType == "application/x-ndjson" {
		for line := range strings.Lines(string(body)) {
			var d fakeDeviceRow
			if strings.TrimSpace(line) != "" {
				_ = json.Unmarshal([]byte(line), &d)
				list = append(list, d)
			}
		}
		return list
	}
	var object struct{ Devices, Keys []fakeDeviceRow }
	if json.Unmarshal(body, &list) != nil {
		_ = json.Unmarshal(body, &object)
		list = append(object.Devices, object.Keys...)
	}
	return list
}

func serialInside(hash string) string {
	report, _, err := hardwarehash.DecodeText([]byte(hash))
	if err != nil {
		return ""
	}
	return report.Identity().Serial
}

func (f *fakeGateway) find(id string) *fakeUpload {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.uploads {
		if u.TrackingID == id {
			return u
		}
	}
	return nil
}

func (f *fakeGateway) upload(w http.ResponseWriter, r *http.Request) {
	if u := f.find(r.PathValue("id")); u != nil {
		writeJSON(w, 200, u.Upload)
		return
	}
	refuseWith(w, r, "upload_not_found", "")
}

// rows gives a few rows a page, so that everybody has to page.
func (f *fakeGateway) rows(w http.ResponseWriter, r *http.Request) {
	u := f.find(r.PathValue("id"))
	if u == nil {
		refuseWith(w, r, "upload_not_found", "")
		return
	}
	f.mu.Lock()
	cut := f.cutRows
	f.mu.Unlock()
	wanted := []wire.UploadRow{}
	for _, row := range u.rows {
		q := r.URL.Query()
		class := q.Get("outcome")
		failed := class == "failed" && row.OutcomeClass != "" && row.OutcomeClass != "done"
		if (class == "" || class == row.OutcomeClass || failed) && (q.Get("serialNumber") == "" || q.Get("serialNumber") == row.SerialNumber) {
			wanted = append(wanted, row)
		}
	}
	from := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from)
	if cut && from > 0 {
		panic(http.ErrAbortHandler)
	}
	next := ""
	page := max(2, len(wanted)/2)
	if from+page < len(wanted) {
		next = fmt.Sprint(from + page)
	}
	writeJSON(w, 200, wire.NewPage(wanted[from:min(from+page, len(wanted))], next))
}

func (f *fakeGateway) listUploads(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := []wire.Upload{}
	f.asked = append(f.asked, r.URL.RawQuery)
	for _, u := range f.uploads {
		if is := func(name, value string) bool { q := r.URL.Query().Get(name); return q == "" || q == value }; is("state", u.State) && is("kind", u.Kind) && is("requestId", u.RequestID) {
			found = append(found, u.Upload)
		}
	}
	writeJSON(w, 200, wire.NewPage(found, ""))
}
