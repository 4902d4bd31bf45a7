package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"countersign/internal/errs"
	"countersign/models"
	"countersign/registration"
	corev1 "countersign/registration/rpc/core/v1"
	"countersign/registration/rpc/core/v1/corev1connect"
)

// MaxMessage bounds a message in either direction, in bytes. 500 rows with a hash of
// 4 KB each are 2 MB; a page of 1,000 devices is less.
const MaxMessage = 16 << 20

// Executor changes what is registered.
type Executor interface {
	// Register binds devices to a tenant.
	Register(ctx context.Context, s models.Submission) (models.Result, error)
	// Rehearse answers as Register would and leaves no trace.
	Rehearse(ctx context.Context, s models.Submission) (models.Result, error)
	// Remove ends registrations.
	Remove(ctx context.Context, s models.Submission) (models.Result, error)
	// Report keeps an OEM's factory records.
	Report(ctx context.Context, s models.Submission) (models.Result, error)
	// Replace puts other hardware in the place of registered devices.
	Replace(ctx context.Context, s models.Submission) (models.Result, error)
	// Settle carries a person's decision out.
	Settle(ctx context.Context, s models.Settling) (registration.Case, error)
	// Resolve gives stored answers and makes sure that absent rows never register.
	Resolve(ctx context.Context, upload models.TrackingID, rows []int) ([]models.Answer, error)
}

// Fencer stops older epochs.
type Fencer interface {
	// Fence makes the core refuse older epochs of a subject, durably.
	Fence(ctx context.Context, kind models.SubjectKind, id string, minEpoch int64) error
	// Fences returns the fences of those subjects that have one.
	Fences(ctx context.Context, subjects []models.SubjectEpoch) ([]models.SubjectEpoch, error)
	// Clock reads the clock by which submissions become late.
	Clock(ctx context.Context) (time.Time, error)
}

// Reader tells what is registered.
type Reader interface {
	// Devices lists the registrations within a scope.
	Devices(ctx context.Context, scope registration.Scope, filter registration.Filter, page registration.Page) ([]registration.Device, string, error)
	// Device reads a registration within a scope.
	Device(ctx context.Context, scope registration.Scope, id models.DeviceID) (registration.Device, error)
	// History tells what happened to a device.
	History(ctx context.Context, scope registration.Scope, id models.DeviceID, page registration.Page) ([]models.DeviceEvent, string, error)
	// Explain tells why captures were matched to a device, or not.
	Explain(ctx context.Context, scope registration.Scope, id models.DeviceID, page registration.Page) ([]registration.Explanation, string, error)
	// Cases lists attention cases.
	Cases(ctx context.Context, scope registration.CaseScope, filter registration.CaseFilter, page registration.Page) ([]registration.Case, string, error)
	// Case reads one attention case.
	Case(ctx context.Context, scope registration.CaseScope, id models.CaseID) (registration.Case, error)
	// Lookup finds the owner of a device by its hash; nil when it is nobody's.
	Lookup(ctx context.Context, hash []byte) (*registration.Owner, error)
}

// Core is what is served: a *registration.Registrar, or a Client of another one.
type Core interface {
	Executor
	Fencer
	Reader
}

var (
	_ Core                             = (*registration.Registrar)(nil)
	_ Core                             = (*Client)(nil)
	_ corev1connect.CoreServiceHandler = server{}
)

// NewHandler serves a core; path is where to mount the handler. Who may call is decided
// by whoever listens. A nil logger discards; what the core cannot tell its callers is
// logged here.
func NewHandler(core Core, log *slog.Logger) (path string, handler http.Handler) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := server{core: core}
	return corev1connect.NewCoreServiceHandler(s,
		connect.WithReadMaxBytes(MaxMessage), connect.WithSendMaxBytes(MaxMessage),
		connect.WithInterceptors(faults(log)))
}

// Method is the name of the method that is called under a path, for metrics; empty for
// one that there is none of.
func Method(path string) string {
	service, name, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	known := corev1.File_registration_rpc_core_v1_core_proto.Services().Get(0)
	if service != string(known.FullName()) || known.Methods().ByName(protoreflect.Name(name)) == nil {
		return ""
	}
	return name
}

// faults turns errors and panics into what may leave the core.
func faults(log *slog.Logger) connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (res connect.AnyResponse, err error) {
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				}
				if err == nil {
					return
				}
				if !quiet(err) {
					log.ErrorContext(ctx, "the core could not answer", "call", req.Spec().Procedure, "kind", errs.KindOf(err).String(), "error", err)
				}
				res, err = nil, toWire(err)
			}()
			return next(ctx, req)
		}
	}
}

// server is one method per method of Core.
type server struct{ core Core }

func (s server) Register(ctx context.Context, req *connect.Request[corev1.RegisterRequest]) (*connect.Response[corev1.RegisterResponse], error) {
	res, err := s.core.Register(ctx, readSubmission(req.Msg.GetSubmission()))
	return connect.NewResponse(&corev1.RegisterResponse{Result: writeResult(res)}), err
}

func (s server) Rehearse(ctx context.Context, req *connect.Request[corev1.RehearseRequest]) (*connect.Response[corev1.RehearseResponse], error) {
	res, err := s.core.Rehearse(ctx, readSubmission(req.Msg.GetSubmission()))
	return connect.NewResponse(&corev1.RehearseResponse{Result: writeResult(res)}), err
}

func (s server) Remove(ctx context.Context, req *connect.Request[corev1.RemoveRequest]) (*connect.Response[corev1.RemoveResponse], error) {
	res, err := s.core.Remove(ctx, readSubmission(req.Msg.GetSubmission()))
	return connect.NewResponse(&corev1.RemoveResponse{Result: writeResult(res)}), err
}

func (s server) Report(ctx context.Context, req *connect.Request[corev1.ReportRequest]) (*connect.Response[corev1.ReportResponse], error) {
	res, err := s.core.Report(ctx, readSubmission(req.Msg.GetSubmission()))
	return connect.NewResponse(&corev1.ReportResponse{Result: writeResult(res)}), err
}

func (s server) Resolve(ctx context.Context, req *connect.Request[corev1.ResolveRequest]) (*connect.Response[corev1.ResolveResponse], error) {
	answers, err := s.core.Resolve(ctx, models.TrackingID(req.Msg.GetUpload()), fromRows(req.Msg.GetRows()))
	return connect.NewResponse(&corev1.ResolveResponse{Answers: each(answers, writeAnswer)}), err
}

func (s server) Fence(ctx context.Context, req *connect.Request[corev1.FenceRequest]) (*connect.Response[corev1.FenceResponse], error) {
	err := s.core.Fence(ctx, models.SubjectKind(req.Msg.GetKind()), req.Msg.GetId(), req.Msg.GetMinEpoch())
	return connect.NewResponse(&corev1.FenceResponse{}), err
}

func (s server) Fences(ctx context.Context, req *connect.Request[corev1.FencesRequest]) (*connect.Response[corev1.FencesResponse], error) {
	fences, err := s.core.Fences(ctx, each(req.Msg.GetSubjects(), readEpoch))
	return connect.NewResponse(&corev1.FencesResponse{Fences: each(fences, writeEpoch)}), err
}

func (s server) Clock(ctx context.Context, _ *connect.Request[corev1.ClockRequest]) (*connect.Response[corev1.ClockResponse], error) {
	now, err := s.core.Clock(ctx)
	return connect.NewResponse(&corev1.ClockResponse{Now: timestamppb.New(now)}), err
}

func (s server) Devices(ctx context.Context, req *connect.Request[corev1.DevicesRequest]) (*connect.Response[corev1.DevicesResponse], error) {
	found, next, err := s.core.Devices(ctx, readScope(req.Msg.GetScope()), readFilter(req.Msg.GetFilter()), readPage(req.Msg.GetPage()))
	return connect.NewResponse(&corev1.DevicesResponse{Devices: each(found, writeDevice), NextCursor: next}), err
}

func (s server) Device(ctx context.Context, req *connect.Request[corev1.DeviceRequest]) (*connect.Response[corev1.DeviceResponse], error) {
	found, err := s.core.Device(ctx, readScope(req.Msg.GetScope()), models.DeviceID(req.Msg.GetId()))
	return connect.NewResponse(&corev1.DeviceResponse{Device: writeDevice(found)}), err
}

func (s server) History(ctx context.Context, req *connect.Request[corev1.HistoryRequest]) (*connect.Response[corev1.HistoryResponse], error) {
	events, next, err := s.core.History(ctx, readScope(req.Msg.GetScope()), models.DeviceID(req.Msg.GetId()), readPage(req.Msg.GetPage()))
	return connect.NewResponse(&corev1.HistoryResponse{Events: each(events, writeEvent), NextCursor: next}), err
}

func (s server) Lookup(ctx context.Context, req *connect.Request[corev1.LookupRequest]) (*connect.Response[corev1.LookupResponse], error) {
	owner, err := s.core.Lookup(ctx, req.Msg.GetHash())
	return connect.NewResponse(&corev1.LookupResponse{Owner: writeOwner(owner)}), err
}

func (s server) Replace(ctx context.Context, req *connect.Request[corev1.ReplaceRequest]) (*connect.Response[corev1.ReplaceResponse], error) {
	res, err := s.core.Replace(ctx, readSubmission(req.Msg.GetSubmission()))
	return connect.NewResponse(&corev1.ReplaceResponse{Result: writeResult(res)}), err
}

func (s server) Settle(ctx context.Context, req *connect.Request[corev1.SettleRequest]) (*connect.Response[corev1.SettleResponse], error) {
	settled, err := s.core.Settle(ctx, readSettling(req.Msg))
	return connect.NewResponse(&corev1.SettleResponse{Case: writeCase(settled)}), err
}

func (s server) Explain(ctx context.Context, req *connect.Request[corev1.ExplainRequest]) (*connect.Response[corev1.ExplainResponse], error) {
	found, next, err := s.core.Explain(ctx, readScope(req.Msg.GetScope()), models.DeviceID(req.Msg.GetId()), readPage(req.Msg.GetPage()))
	return connect.NewResponse(&corev1.ExplainResponse{Explanations: each(found, writeExplanation), NextCursor: next}), err
}

func (s server) Cases(ctx context.Context, req *connect.Request[corev1.CasesRequest]) (*connect.Response[corev1.CasesResponse], error) {
	found, next, err := s.core.Cases(ctx, readCaseScope(req.Msg.GetScope()), readCaseFilter(req.Msg.GetFilter()), readPage(req.Msg.GetPage()))
	return connect.NewResponse(&corev1.CasesResponse{Cases: each(found, writeCase), NextCursor: next}), err
}

func (s server) Case(ctx context.Context, req *connect.Request[corev1.CaseRequest]) (*connect.Response[corev1.CaseResponse], error) {
	found, err := s.core.Case(ctx, readCaseScope(req.Msg.GetScope()), models.CaseID(req.Msg.GetId()))
	return connect.NewResponse(&corev1.CaseResponse{Case: writeCase(found)}), err
}
