package gateway

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"strings"
)

// door is what every request passes first and last: ids, headers that are the same for
// all answers, the path in the form of the table, one line in the access log.
type door struct {
	*server
	paths pathFolder
	fixed http.Header
	next  http.Handler
}

// ServeHTTP implements http.Handler. The request it was given stays as it is: the
// HTTP server looks at its body again when it ends the connection.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := d.newExchange(r)
	out := &recorder{ResponseWriter: w}
	defer d.record(r.Context(), r.Method, x, out)
	d.setHeaders(w.Header(), x)

	in := r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	x.body = newBody(r, http.NewResponseController(w), d.Limits.BodyIdle)
	in.Body = x.body
	if in.Method == http.MethodHead {
		in.Method = http.MethodGet // the HTTP server sends no body, whatever is written
	}
	path, err := d.paths.fold(r.URL)
	if err != nil {
		path, x.pathErr = "/", err
	}
	target := *r.URL
	target.Path, target.RawPath = path, ""
	in.URL = &target
	d.next.ServeHTTP(out, in)
}

// setHeaders sets what every answer carries.
func (d *door) setHeaders(h http.Header, x *exchange) {
	maps.Copy(h, d.fixed)
	h.Set(headerRequestID, x.requestID)
	h.Set(headerCorrelationID, x.correlationID)
	h.Set(headerVector, x.vector)
}

// fixedHeaders are the same for all answers. Their values are shared: who wants another sets it
// anew.
func (s *server) fixedHeaders() http.Header {
	h := http.Header{}
	h.Set(headerServerID, s.ServerID)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if strings.HasPrefix(s.PublicURL, "https:") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return h
}

// record writes the access line and the metrics. Neither holds the path or the query:
// customers, batch names and serial numbers stand there.
func (d *door) record(ctx context.Context, method string, x *exchange, out *recorder) {
	took := d.Now().Sub(x.started)
	if x.gone {
		out.status = statusClientGone
	}
	d.metrics.observe(x.route, method, out.status, took)
	attrs := []slog.Attr{
		slog.String("method", knownMethod(method)), slog.String("route", x.route), slog.Int("status", out.status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.Int64("bytes_in", x.body.read), slog.Int64("bytes_out", out.bytes),
		slog.String("request_id", x.requestID), slog.String("correlation_id", x.correlationID), slog.String("cv", x.vector),
	}
	if p := x.principal; p != nil {
		attrs = append(attrs, slog.String("client", string(p.ClientID)), slog.String("partner", string(p.PartnerID)), slog.String("tenant", string(p.TenantID)))
	}
	level := slog.LevelInfo
	if e := x.refusal; e != nil {
		attrs = append(attrs, slog.String("code", e.Code))
		if out.status >= http.StatusInternalServerError || out.status == statusClientGone {
			attrs = append(attrs, slog.Any("cause", e.Unwrap()))
		}
		if out.status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
	}
	d.Logger.LogAttrs(context.WithoutCancel(ctx), level, "request", attrs...)
}

// statusClientGone is written to the log alone, for a caller that hung up.
const statusClientGone = 499

// recorder notes status and size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (r *recorder) Flush() { _ = http.NewResponseController(r.ResponseWriter).Flush() }

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// knownMethod keeps words that callers made up out of logs and metrics.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}
