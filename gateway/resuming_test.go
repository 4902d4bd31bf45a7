package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"countersign/consent"
	"countersign/gateway/files"
	"countersign/gateway/intake"
	"countersign/models"
)

const fileID = "0190a3f4-0000-7000-8000-0000000000f1"

func (e *edge) Early(_ context.Context, call intake.Call) error {
	if e.early == nil {
		return errUnexpected
	}
	return e.early(call)
}

// fileKeeper keeps one file in memory.
type fileKeeper struct{ e *edge }

func (k fileKeeper) Create(_ context.Context, call intake.Call, media string, length int64) (models.PartialFile, error) {
	text, err := json.Marshal(call)
	k.e.file = models.PartialFile{ID: fileID, PartnerID: call.PartnerID, TenantID: call.Tenant, Call: string(text), Media: media, Length: length, ExpiresAt: now}
	return k.e.file, err
}

func (k fileKeeper) File(_ context.Context, owner files.Owner, id models.FileID) (models.PartialFile, error) {
	if id != k.e.file.ID || owner.Partner != k.e.file.PartnerID {
		return models.PartialFile{}, files.ErrNotFound
	}
	return k.e.file, nil
}

func (k fileKeeper) Append(_ context.Context, _ files.Owner, _ models.FileID, offset int64, body io.Reader) (models.PartialFile, error) {
	if offset != k.e.file.Received {
		return k.e.file, files.ErrOffset
	}
	text, err := io.ReadAll(body)
	k.e.text = append(k.e.text, text...)
	k.e.file.Received = int64(len(k.e.text))
	return k.e.file, err
}

func (k fileKeeper) Whole(_ context.Context, f models.PartialFile) (call intake.Call, _ io.Reader, err error) {
	err = json.Unmarshal([]byte(f.Call), &call)
	call.Key = "file"
	return call, bytes.NewReader(k.e.text), err
}

func (k fileKeeper) Became(_ context.Context, _ models.PartialFile, a intake.Accepted) error {
	k.e.file.TrackingID, k.e.file.Location = a.TrackingID, a.Location
	return nil
}

func (k fileKeeper) Remove(context.Context, files.Owner, models.FileID) error {
	k.e.file = models.PartialFile{}
	return nil
}

// A file is created, sent in pieces and becomes one upload; it can be asked for at any time.
func TestFiles_wholeLife(t *testing.T) {
	t.Parallel()
	const csv = "Device Serial Number,Manufacturer name,Device model\nNB-1,Fjordtek AS,Skerry 14\n"
	e := newEdge(t)
	e.early = func(call intake.Call) error {
		if call.BatchName != "b" || call.Tenant != tenant || !call.Strict || call.Defaults.OrderNumber != "7" {
			t.Errorf("call %+v", call)
		}
		return nil
	}
	var calls []intake.Call
	var rows []intake.Row
	e.accepts(&calls, &rows)
	resp, body := e.do("POST", "/v1/customers/"+tenant+"/deviceBatches?batchId=b&orderNumber=7", "", "Tus-Resumable", "1.0.0", "Prefer", "handling=strict",
		"Upload-Length", fmt.Sprint(len(csv)), "Upload-Metadata", "filename YQ==, filetype dGV4dC9jc3Y=")
	if resp.StatusCode != http.StatusCreated || resp.Header.Get("Location") != "/v1/files/"+fileID || resp.Header.Get("Upload-Offset") != "0" || resp.Header.Get("Tus-Resumable") != "1.0.0" {
		t.Fatalf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
	patch := func(offset, text string) *http.Response {
		t.Helper()
		resp, body := e.do("PATCH", "/v1/files/"+fileID, text, "Tus-Resumable", "1.0.0", "Upload-Offset", offset, "Content-Type", "application/offset+octet-stream")
		if resp.StatusCode != http.StatusNoContent {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		return resp
	}
	if resp := patch("0", csv[:20]); resp.Header.Get("Upload-Offset") != "20" || resp.Header.Get("Location") != "" {
		t.Errorf("after a piece: %v", resp.Header)
	}
	resp, _ = e.do("HEAD", "/v1/files/"+fileID, "")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Upload-Offset") != "20" || resp.Header.Get("Upload-Length") != fmt.Sprint(len(csv)) || resp.Header.Get("Upload-Expires") == "" {
		t.Errorf("HEAD: %d %v", resp.StatusCode, resp.Header)
	}
	last := patch("20", csv[20:])
	again := patch(fmt.Sprint(len(csv)), "") // the answer was lost
	for _, resp := range []*http.Response{last, again} {
		if !strings.HasSuffix(resp.Header.Get("Location"), tracking) {
			t.Errorf("whole: %v", resp.Header)
		}
	}
	if len(calls) != 1 || calls[0].Key != "file" || calls[0].BatchName != "b" || len(rows) != 1 || rows[0].SerialNumber != "NB-1" {
		t.Errorf("accepted %+v with %+v", calls, rows)
	}
	if resp, _ := e.do("DELETE", "/v1/files/"+fileID, "", "Tus-Resumable", "1.0.0"); resp.StatusCode != http.StatusNoContent {
		t.Errorf("DELETE: %d", resp.StatusCode)
	}
	resp, _ = e.do("OPTIONS", "/v1/files", "", "Authorization", "")
	if resp.StatusCode != http.StatusNoContent || resp.Header.Get("Tus-Version") != "1.0.0" || !strings.Contains(resp.Header.Get("Tus-Extension"), "creation") || resp.Header.Get("Tus-Max-Size") == "" {
		t.Errorf("OPTIONS: %d %v", resp.StatusCode, resp.Header)
	}
}

func TestFiles_refusals(t *testing.T) {
	t.Parallel()
	create, file := "/v1/customers/"+tenant+"/deviceBatches?batchId=b", "/v1/files/"+fileID
	meta := []string{"Tus-Resumable", "1.0.0", "Upload-Length", "10", "Upload-Metadata", "filetype dGV4dC9jc3Y="}
	piece := []string{"Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"}
	with := func(base []string, name, value string) []string {
		out := append([]string{}, base...)
		return append(out, name, value)
	}
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		reason             string
	}{
		"another version":     {"POST", create, "", with(meta, "Tus-Resumable", "0.2.2"), 412, "tus_version"},
		"no length":           {"POST", create, "", with(meta, "Upload-Length", "many"), 400, "invalid_parameter"},
		"a huge length":       {"POST", create, "", with(meta, "Upload-Length", "8589934593"), 400, "body_too_large"},
		"a body":              {"POST", create, "a", meta, 400, "invalid_parameter"},
		"no type":             {"POST", create, "", with(meta, "Upload-Metadata", "filename YQ=="), 400, "invalid_parameter"},
		"a type out of order": {"POST", create, "", with(meta, "Upload-Metadata", "filetype !"), 400, "invalid_parameter"},
		"JSON":                {"POST", create, "", with(meta, "Upload-Metadata", "filetype YXBwbGljYXRpb24vanNvbg=="), 400, "unsupported_media_type"},
		"another charset":     {"POST", create, "", with(meta, "Upload-Metadata", "filetype dGV4dC9jc3Y7IGNoYXJzZXQ9dXRmLTE2"), 400, "unsupported_media_type"},
		"no batch":            {"POST", strings.TrimSuffix(create, "?batchId=b"), "", meta, 400, "invalid_parameter"},
		"a dry run":           {"POST", create, "", with(meta, "Prefer", "validate-only"), 400, "validate_only"},
		"no consent":          {"POST", create, "", meta, 403, "consent_not_granted"},
		"no such file":        {"PATCH", "/v1/files/0190a3f4-0000-7000-8000-0000000000f2", "a", piece, 404, "file_not_found"},
		"no id":               {"GET", "/v1/files/a", "", nil, 404, "file_not_found"},
		"somebody else's":     {"PATCH", file, "a", with(piece, "Authorization", "Bearer tenant"), 404, "file_not_found"},
		"another offset":      {"PATCH", file, "a", with(piece, "Upload-Offset", "5"), 409, "upload_offset"},
		"no offset":           {"PATCH", file, "a", with(piece, "Upload-Offset", "-1"), 400, "invalid_parameter"},
		"another kind":        {"PATCH", file, "a", with(piece, "Content-Type", "text/csv"), 415, "unsupported_media_type"},
		"compressed":          {"PATCH", file, "a", with(piece, "Content-Encoding", "gzip"), 415, "unsupported_encoding"},
		"without a version":   {"DELETE", file, "", nil, 412, "tus_version"},
	} {
		e := newEdge(t)
		e.file = models.PartialFile{ID: fileID, PartnerID: "partner-1", Length: 10}
		e.early = func(intake.Call) error { return consent.ErrNoConsent }
		resp, body := e.do(c.method, c.path, c.body, c.headers...)
		if resp.StatusCode != c.status || !strings.Contains(body, `"reason":"`+c.reason+`"`) {
			t.Errorf("%s: %d %s", name, resp.StatusCode, body)
		}
	}
}
