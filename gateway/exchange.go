package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"

	"countersign/authz"
	"countersign/gateway/intake"
	"countersign/internal/errs"
)

// exchange is what is known of one request. It is made at the door, filled in on the
// way and printed once.
type exchange struct {
	requestID     string // echoed as MS-RequestId
	correlationID string
	vector        string // MS-CV: tells apart calls that share a request id
	key           string // what makes the call repeatable; empty for none
	keyErr        error  // why the caller's request id cannot be a key
	pathErr       error
	body          *body
	started       time.Time

	route     string // template; empty until routed
	principal *authz.Principal
	method    string // as it was sent: HEAD is served as GET
	dpop      bool   // whether the token came under the scheme DPoP
	refusal   *errs.Error
	gone      bool // the caller hung up
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// Headers of Partner Center (page "Partner Center REST headers") and the one of the
// idempotency-key draft.
const (
	headerRequestID      = "MS-RequestId"
	headerCorrelationID  = "MS-CorrelationId"
	headerVector         = "MS-CV"
	headerServerID       = "MS-ServerId"
	headerContinuation   = "MS-ContinuationToken"
	headerIdempotencyKey = "Idempotency-Key"
	headerReplayed       = "Idempotency-Replayed"
)

var usableID = regexp.MustCompile(`^[A-Za-z0-9._:-]{8,128}$`)

// newExchange reads the ids of a call and makes up those it lacks.
func (s *server) newExchange(r *http.Request) *exchange {
	x := &exchange{started: s.Now(), vector: newVector(), method: r.Method}
	given, givenOK := headerID(r, headerRequestID)
	key, keyOK := headerID(r, headerIdempotencyKey)
	x.key, x.keyErr = given, nil
	switch {
	case !givenOK || !keyOK || given != "" && key != "" && given != key:
		x.key, x.keyErr = "", errInvalidRequestID
	case given == "":
		x.key = key
	}
	if x.requestID = given; given == "" {
		x.requestID = s.NewID()
	}
	if x.correlationID, _ = headerID(r, headerCorrelationID); x.correlationID == "" {
		x.correlationID = s.NewID()
	}
	return x
}

// headerID returns the one value of a header, without the quotation marks a
// structured field has (RFC 9651). It is not ok when it cannot be used, as a product key
// cannot: ids are echoed and logged.
func headerID(r *http.Request, name string) (id string, ok bool) {
	values := r.Header.Values(name)
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return "", true
	}
	id = values[0]
	if len(id) > 1 && strings.HasPrefix(id, `"`) && strings.HasSuffix(id, `"`) {
		id = id[1 : len(id)-1]
	}
	if len(values) > 1 || !usableID.MatchString(id) || intake.HoldsProductKey(id) {
		return "", false
	}
	return id, true
}

func newGUID() string { return uuid.Must(uuid.NewV7()).String() }

// newVector makes a correlation vector: 128 random bits and a counter.
func newVector() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	return base64.RawStdEncoding.EncodeToString(raw[:]) + ".0"
}
