package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"countersign/gateway/wire"
)

// tusVersion is the version of the tus protocol that is spoken.
const tusVersion = "1.0.0"

// CreateFile begins a submission that arrives in parts (tus 1.0.0), over as many connections
// as it takes, and returns its id for SendFile. The body must be a CSV or NDJSON in UTF-8 of
// a known size, and is not compressed. The file is forgotten a day after its last part.
func (c *Client) CreateFile(ctx context.Context, s Submission) (id string, err error) {
	if s.Body.Size <= 0 || s.Body.Encoding != "" {
		return "", errors.New("client: a file in parts needs a body of known size that is not compressed")
	}
	call, err := s.call()
	if err != nil {
		return "", err
	}
	call.method, call.body = http.MethodPost, nil
	call.header.Set("Tus-Resumable", tusVersion)
	call.header.Set("Upload-Length", strconv.FormatInt(s.Body.Size, 10))
	call.header.Set("Upload-Metadata", "filetype "+base64.StdEncoding.EncodeToString([]byte(s.Body.ContentType)))
	resp, err := c.do(ctx, call)
	if err != nil {
		return "", err
	}
	defer finish(resp.Response)
	location := resp.Header.Get("Location")
	id = location[strings.LastIndexByte(location, '/')+1:]
	if resp.StatusCode != http.StatusCreated || id == "" {
		return "", fmt.Errorf("client: the gateway takes no files in parts; it answered %d", resp.StatusCode)
	}
	return id, nil
}

// File says how much of a file is there, and what it became.
func (c *Client) File(ctx context.Context, id string) (wire.File, error) {
	var file wire.File
	err := c.getJSON(ctx, call{path: join("v1", "files", id)}, &file)
	return file, err
}

// DeleteFile forgets a file that is not wanted any more.
func (c *Client) DeleteFile(ctx context.Context, id string) error {
	resp, err := c.do(ctx, call{method: http.MethodDelete, path: join("v1", "files", id), header: tusHeader(), repeatable: true})
	if err != nil {
		return err
	}
	finish(resp.Response)
	return nil
}

func tusHeader() http.Header { return http.Header{"Tus-Resumable": {tusVersion}} }

// SendFile sends what is missing of a file, from wherever it broke off, until the gateway
// has accepted it; again after any error, within the client's patience, which begins anew
// with every byte that arrives. sent is told how far it is; nil is not.
func (c *Client) SendFile(ctx context.Context, id string, body Body, sent func(done, total int64)) (Receipt, error) {
	retries, reached := c.retries(), int64(-1)
	for {
		file, err := c.File(ctx, id)
		if err != nil {
			return Receipt{}, err
		}
		if file.TrackingID != "" {
			return Receipt{TrackingID: file.TrackingID, Replayed: true}, nil
		}
		if file.Length != body.Size {
			return Receipt{}, fmt.Errorf("client: file %s was announced with %d bytes, and there are %d", id, file.Length, body.Size)
		}
		if file.Received > reached {
			retries, reached = c.retries(), file.Received
		}
		receipt, err := c.sendRest(ctx, file, body, sent)
		if err == nil {
			return receipt, nil
		}
		again, wait := retries.after(err, true)
		if !again {
			return Receipt{}, err
		}
		if err := c.pause(ctx, wait, err); err != nil {
			return Receipt{}, err
		}
	}
}

// sendRest sends the rest of a file in one call.
func (c *Client) sendRest(ctx context.Context, file wire.File, body Body, sent func(done, total int64)) (Receipt, error) {
	rest := Body{ContentType: "application/offset+octet-stream", Size: file.Length - file.Received, Open: func() (io.ReadCloser, error) {
		whole, err := body.Open()
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, whole, file.Received); err != nil {
			return nil, errors.Join(err, whole.Close())
		}
		return &watched{ReadCloser: whole, done: file.Received, total: file.Length, sent: sent}, nil
	}}
	header := tusHeader()
	header.Set("Upload-Offset", strconv.FormatInt(file.Received, 10))
	resp, err := c.do(ctx, call{method: http.MethodPatch, path: join("v1", "files", file.ID), header: header, body: &rest, once: true})
	if err != nil {
		return Receipt{}, err
	}
	defer finish(resp.Response)
	return receipt(resp.Header)
}

// watched tells how far a body was read.
type watched struct {
	io.ReadCloser
	done, total int64
	sent        func(done, total int64)
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if w.done += int64(n); w.sent != nil {
		w.sent(w.done, w.total)
	}
	return n, err
}
