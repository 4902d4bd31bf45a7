package ratelimit

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"countersign/internal/db"
)

// RedisTimeout bounds every call of Redis, connecting included. A caller waits for
// it once at most; see Fallback.
const RedisTimeout = 250 * time.Millisecond

// testSlack keeps buckets beyond what the server's clock says they live, when
// another clock decides.
const testSlack = time.Hour

var (
	//go:embed common.lua
	commonLua string
	//go:embed spend.lua
	spendLua string
	//go:embed refund.lua
	refundLua string
	//go:embed announce.lua
	announceLua string

	spendScript    = redis.NewScript(commonLua + spendLua)
	refundScript   = redis.NewScript(commonLua + refundLua)
	announceScript = redis.NewScript(commonLua + announceLua)
)

// Redis is a Store in Redis (6 or newer) or Valkey, shared by every process that
// uses the same database of the same server. It decides exactly as Memory does:
// each operation is one script, hence atomic, and the time is the server's own, so
// that the clocks of replicas need not agree.
//
// Every bucket expires when its budget is whole again, so nothing needs sweeping.
// Buckets of one partner, or of one source address, carry a common hash tag
// and lie in one slot of a cluster. A call is never repeated by itself: it is unknown
// whether a call without an answer spent anything, and doing it twice is worse.
type Redis struct {
	singles
	client   redis.UniversalClient
	now      func() time.Time
	patience time.Duration // with one call
}

var _ Store = (*Redis)(nil)

// NewRedis returns a store over a client, which must not repeat calls by itself.
// now replaces the server's clock in tests; nil is for everything else.
func NewRedis(client redis.UniversalClient, now func() time.Time) *Redis {
	r := &Redis{client: client, now: now, patience: RedisTimeout}
	r.singles = singles{spendAll: r.SpendAll, forget: r.forget, wall: wallSince1970}
	return r
}

// errRedisURL does not repeat what it was given: that may hold a password.
var errRedisURL = errors.New("must be redis://, rediss:// (TLS) or unix://, like redis://user:password@host:6379/0 or " +
	"unix://user:password@/run/redis.sock?db=0; write special characters of the password as %XX")

// CheckRedisURL says what is wrong with a URL, without opening anything and without
// repeating any part of it.
func CheckRedisURL(url string) error {
	_, err := redisOptions(url)
	return err
}

// OpenRedis returns a store that connects when it is first needed. Close it.
func OpenRedis(url string) (*Redis, error) {
	o, err := redisOptions(url)
	if err != nil {
		return nil, err
	}
	silence()
	return NewRedis(redis.NewClient(o), nil), nil
}

// silence keeps the library from writing to stderr: every failure comes back as an
// error too, and is logged once per outage.
var silence = sync.OnceFunc(logging.Disable)

// redisOptions reads a URL. How long to wait and that nothing is repeated is not
// the operator's to choose.
func redisOptions(url string) (*redis.Options, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errRedisURL
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = RedisTimeout, RedisTimeout, RedisTimeout, RedisTimeout
	o.ContextTimeoutEnabled = true
	o.MaxRetries, o.DialerRetries = -1, 1
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }

// SpendAll implements Store.
func (r *Redis) SpendAll(ctx context.Context, items []Item) (Outcome, error) {
	if len(items) == 0 {
		return Outcome{Admitted: true}, nil
	}
	keys := make([]string, len(items))
	args := r.header(4 * len(items))
	for i, it := range items {
		keys[i] = redisKey(it.ID)
		args = appendPair(appendPair(args, it.Cost), it.Burst)
	}
	ctx, cancel, err := r.begin(ctx, "spend budgets in Redis")
	if err != nil {
		return Outcome{}, err
	}
	defer cancel()
	answer, err := spendScript.Run(ctx, r.client, keys, args...).Int64Slice()
	if err != nil {
		return Outcome{}, fmt.Errorf("redis: %w", err)
	}
	if len(answer) != 3+2*len(items) {
		return Outcome{}, fmt.Errorf("redis: the script answered %d numbers for %d buckets", len(answer), len(items))
	}
	out := Outcome{Admitted: answer[0] == 1, At: pair(answer[1:]), Backlogs: make([]time.Duration, len(items))}
	for i := range items {
		out.Backlogs[i] = pair(answer[3+2*i:])
	}
	return out, nil
}

// RefundAll implements Store.
func (r *Redis) RefundAll(ctx context.Context, receipts []Receipt) error {
	if len(receipts) == 0 {
		return nil
	}
	keys := make([]string, len(receipts))
	args := r.header(4 * len(receipts))
	for i, rc := range receipts {
		keys[i] = redisKey(rc.ID)
		args = appendPair(appendPair(args, rc.Cost), rc.SpentAt)
	}
	ctx, cancel, err := r.begin(ctx, "refund budgets in Redis")
	if err != nil {
		return err
	}
	defer cancel()
	if err := refundScript.Run(ctx, r.client, keys, args...).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// replicaKeep is after how long a silent replica counts as gone.
const replicaKeep = 3 * announceEvery

// Announce notes that a replica lives, and returns how many did lately. It is a
// script that writes, so it succeeds when spending would.
func (r *Redis) Announce(ctx context.Context, replica string) (int, error) {
	ctx, cancel, err := r.begin(ctx, "announce a replica in Redis")
	if err != nil {
		return 0, err
	}
	defer cancel()
	args := append(r.header(0)[:2], replica, int64(replicaKeep/time.Second))
	n, err := announceScript.Run(ctx, r.client, []string{redisPrefix + "replicas"}, args...).Int()
	if err != nil {
		return 0, fmt.Errorf("redis: %w", err)
	}
	return n, nil
}

func (r *Redis) forget(ctx context.Context, id string) error {
	ctx, cancel, err := r.begin(ctx, "forget a budget in Redis")
	if err != nil {
		return err
	}
	defer cancel()
	return r.client.Del(ctx, redisKey(id)).Err()
}

// begin refuses to wait for the network in a transaction, and bounds the wait. A
// caller that hangs up does not interrupt a call, or it would look like an outage.
func (r *Redis) begin(ctx context.Context, what string) (context.Context, context.CancelFunc, error) {
	if err := db.RefuseInTx(ctx, what); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.patience)
	return ctx, cancel, nil
}

// header is what every script's arguments begin with: now and the slack, with room
// for more.
func (r *Redis) header(more int) []any {
	args := make([]any, 0, 3+more)
	if r.now == nil {
		return append(args, "", "", 0)
	}
	now := r.now()
	return append(args, now.Unix(), now.Nanosecond(), int64(testSlack/time.Millisecond))
}

func appendPair(args []any, d time.Duration) []any {
	return append(args, int64(d/time.Second), int64(d%time.Second))
}

func pair(p []int64) time.Duration {
	return time.Duration(p[0])*time.Second + time.Duration(p[1])
}

func wallSince1970(at time.Duration) time.Time { return time.Unix(0, int64(at)) }

const redisPrefix = "countersign:"

// redisKey puts the first part of a bucket's key, a partner's id or an address, in a
// hash tag: "devices:p" and "tenant-devices:p/t" are decided together.
func redisKey(id string) string {
	_, key, _ := strings.Cut(id, ":")
	tag, _, _ := strings.Cut(key, "/")
	return redisPrefix + "{" + tag + "}:" + id
}
