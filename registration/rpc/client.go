package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"countersign/models"
	"countersign/registration"
	corev1 "countersign/registration/rpc/core/v1"
	"countersign/registration/rpc/core/v1/corev1connect"
)

// Options are what a Client needs beside the address.
type Options struct {
	// HTTP is the line; NewLine makes one.
	HTTP *http.Client
	// Now reads the clock that Authority.NotAfter is made by. It is compared with the
	// core's.
	Now func(context.Context) (time.Time, error)
	// Connected is called before work is sent for the first time, and again after the
	// line was cut: the core may have come back from a backup. Work is not sent while
	// it fails. It may use the Client for everything but work. nil does nothing.
	Connected func(context.Context) error
	Logger    *slog.Logger // nil discards
	// CheckEvery is the longest time between two looks at the core's clock; 0 means 5 s.
	CheckEvery time.Duration
	// MaxSkew is how far the clocks may differ; 0 means 5 s.
	MaxSkew time.Duration
}

// Client is a core at the other end of a line. It is safe for concurrent use. Errors
// are those of the core; whatever goes wrong on the way is Unavailable with the code
// core_unavailable, which leaves it open whether the call was executed.
type Client struct {
	calls corev1connect.CoreServiceClient
	*line
}

// NewClient makes a client of the core at an address like https://core.internal:9443.
// It connects with the first call.
func NewClient(address string, o Options) *Client {
	c := &Client{
		calls: corev1connect.NewCoreServiceClient(o.HTTP, address, connect.WithReadMaxBytes(MaxMessage)),
	}
	c.line = newLine(o, c.Clock)
	return c
}

// call makes one call and classifies its failure.
func call[Req, Res any](ctx context.Context, c *Client, method func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error), msg *Req) (*Res, error) {
	// Connect would find out after it has begun the call, and the core read an empty one.
	if size := proto.Size(any(msg).(proto.Message)); size > MaxMessage {
		return nil, unavailable(fmt.Errorf("a message of %d bytes is above the limit of %d", size, MaxMessage))
	}
	res, err := method(ctx, connect.NewRequest(msg))
	if err == nil {
		return res.Msg, nil
	}
	answered, err := fromWire(ctx, err)
	if !answered {
		c.cut()
	}
	return nil, err
}

// Register binds devices to a tenant.
func (c *Client) Register(ctx context.Context, s models.Submission) (models.Result, error) {
	if err := c.ready(ctx); err != nil {
		return models.Result{}, err
	}
	res, err := call(ctx, c, c.calls.Register, &corev1.RegisterRequest{Submission: writeSubmission(s)})
	return readResult(res.GetResult()), err
}

// Rehearse answers as Register would and leaves no trace.
func (c *Client) Rehearse(ctx context.Context, s models.Submission) (models.Result, error) {
	if err := c.ready(ctx); err != nil {
		return models.Result{}, err
	}
	res, err := call(ctx, c, c.calls.Rehearse, &corev1.RehearseRequest{Submission: writeSubmission(s)})
	return readResult(res.GetResult()), err
}

// Remove ends registrations.
func (c *Client) Remove(ctx context.Context, s models.Submission) (models.Result, error) {
	if err := c.ready(ctx); err != nil {
		return models.Result{}, err
	}
	res, err := call(ctx, c, c.calls.Remove, &corev1.RemoveRequest{Submission: writeSubmission(s)})
	return readResult(res.GetResult()), err
}

// Report keeps an OEM's factory records.
func (c *Client) Report(ctx context.Context, s models.Submission) (models.Result, error) {
	if err := c.ready(ctx); err != nil {
		return models.Result{}, err
	}
	res, err := call(ctx, c, c.calls.Report, &corev1.ReportRequest{Submission: writeSubmission(s)})
	return readResult(res.GetResult()), err
}

// Replace puts other hardware in the place of registered devices.
func (c *Client) Replace(ctx context.Context, s models.Submission) (models.Result, error) {
	if err := c.ready(ctx); err != nil {
		return models.Result{}, err
	}
	res, err := call(ctx, c, c.calls.Replace, &corev1.ReplaceRequest{Submission: writeSubmission(s)})
	return readResult(res.GetResult()), err
}

// Settle carries a person's decision on an attention case out.
func (c *Client) Settle(ctx context.Context, s models.Settling) (registration.Case, error) {
	if err := c.ready(ctx); err != nil {
		return registration.Case{}, err
	}
	res, err := call(ctx, c, c.calls.Settle, writeSettling(s))
	if err != nil {
		return registration.Case{}, err
	}
	return readCase(res.GetCase()), nil
}

// Resolve gives stored answers and makes sure that absent rows never register. It
// needs no clock.
func (c *Client) Resolve(ctx context.Context, upload models.TrackingID, rows []int) ([]models.Answer, error) {
	res, err := call(ctx, c, c.calls.Resolve, &corev1.ResolveRequest{Upload: string(upload), Rows: toRows(rows)})
	return each(res.GetAnswers(), readAnswer), err
}

// Fence makes the core refuse older epochs of a subject. It needs no clock.
func (c *Client) Fence(ctx context.Context, kind models.SubjectKind, id string, minEpoch int64) error {
	_, err := call(ctx, c, c.calls.Fence, &corev1.FenceRequest{Kind: string(kind), Id: id, MinEpoch: minEpoch})
	return err
}

// Fences returns the fences of those subjects that have one.
func (c *Client) Fences(ctx context.Context, subjects []models.SubjectEpoch) ([]models.SubjectEpoch, error) {
	res, err := call(ctx, c, c.calls.Fences, &corev1.FencesRequest{Subjects: each(subjects, writeEpoch)})
	return each(res.GetFences(), readEpoch), err
}

// Clock reads the core's clock.
func (c *Client) Clock(ctx context.Context) (time.Time, error) {
	res, err := call(ctx, c, c.calls.Clock, &corev1.ClockRequest{})
	return instant(res.GetNow()), err
}

// Devices lists the registrations within a scope.
func (c *Client) Devices(ctx context.Context, scope registration.Scope, filter registration.Filter, page registration.Page) ([]registration.Device, string, error) {
	res, err := call(ctx, c, c.calls.Devices, &corev1.DevicesRequest{Scope: writeScope(scope), Filter: writeFilter(filter), Page: writePage(page)})
	return each(res.GetDevices(), readDevice), res.GetNextCursor(), err
}

// Device reads a registration within a scope, or registration.ErrNoDevice.
func (c *Client) Device(ctx context.Context, scope registration.Scope, id models.DeviceID) (registration.Device, error) {
	res, err := call(ctx, c, c.calls.Device, &corev1.DeviceRequest{Scope: writeScope(scope), Id: string(id)})
	if err != nil {
		return registration.Device{}, err
	}
	return readDevice(res.GetDevice()), nil
}

// History tells what happened to a device.
func (c *Client) History(ctx context.Context, scope registration.Scope, id models.DeviceID, page registration.Page) ([]models.DeviceEvent, string, error) {
	res, err := call(ctx, c, c.calls.History, &corev1.HistoryRequest{Scope: writeScope(scope), Id: string(id), Page: writePage(page)})
	return each(res.GetEvents(), readEvent), res.GetNextCursor(), err
}

// Lookup finds the owner of a device by its hash; nil when it is nobody's.
func (c *Client) Lookup(ctx context.Context, hash []byte) (*registration.Owner, error) {
	res, err := call(ctx, c, c.calls.Lookup, &corev1.LookupRequest{Hash: hash})
	return readOwner(res.GetOwner()), err
}

// Explain tells why captures were matched to a device, or not.
func (c *Client) Explain(ctx context.Context, scope registration.Scope, id models.DeviceID, page registration.Page) ([]registration.Explanation, string, error) {
	res, err := call(ctx, c, c.calls.Explain, &corev1.ExplainRequest{Scope: writeScope(scope), Id: string(id), Page: writePage(page)})
	return each(res.GetExplanations(), readExplanation), res.GetNextCursor(), err
}

// Cases lists attention cases.
func (c *Client) Cases(ctx context.Context, scope registration.CaseScope, filter registration.CaseFilter, page registration.Page) ([]registration.Case, string, error) {
	res, err := call(ctx, c, c.calls.Cases, &corev1.CasesRequest{Scope: writeCaseScope(scope), Filter: writeCaseFilter(filter), Page: writePage(page)})
	return each(res.GetCases(), readCase), res.GetNextCursor(), err
}

// Case reads one attention case, or registration.ErrNoCase.
func (c *Client) Case(ctx context.Context, scope registration.CaseScope, id models.CaseID) (registration.Case, error) {
	res, err := call(ctx, c, c.calls.Case, &corev1.CaseRequest{Scope: writeCaseScope(scope), Id: string(id)})
	if err != nil {
		return registration.Case{}, err
	}
	return readCase(res.GetCase()), nil
}
