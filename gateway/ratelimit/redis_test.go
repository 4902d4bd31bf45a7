package ratelimit_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/ulule/limiter/v3"

	"countersign/gateway/ratelimit"
	"countersign/internal/db"
	"countersign/internal/redistest"
	"countersign/models"
)

func redisURL(t testing.TB) string { return redistest.URL(t) }

// perDay earns so little that a test's duration does not matter.
func perDay(n int64) ratelimit.Rate { return ratelimit.Rate{Count: n, Period: 24 * time.Hour} }

// replicaOn returns a limiter as a replica has one: its own connections, and the
// server's clock.
func replicaOn(t testing.TB, url string) *ratelimit.Limiter {
	t.Helper()
	return ratelimit.New(patient(ratelimit.NewRedis(newClient(t, url), nil)), steady)
}

func TestRedis_twoReplicasNeverGiveOutMoreThanTheBudget(t *testing.T) {
	t.Parallel()
	url := redisURL(t)
	replicas := []*ratelimit.Limiter{replicaOn(t, url), replicaOn(t, url)}
	var admitted, refused atomic.Int64
	race(400, func(i int) {
		d := spend(t, replicas[i%2],
			ratelimit.ForDevices("p", perDay(1000), 7), ratelimit.ForTenantDevices("p", "t", perDay(2000), 7))
		if d.Admitted {
			admitted.Add(7)
		} else {
			refused.Add(1)
		}
	})
	if got := admitted.Load(); got != 994 {
		t.Errorf("two replicas gave out %d devices of 1000 in batches of 7, want 994", got)
	}
	// The refused ones cost nothing, in either bucket and seen from either replica.
	for _, l := range replicas {
		if a, b := left(t, l, ratelimit.ForDevices("p", perDay(1000), 0)), left(t, l, ratelimit.ForTenantDevices("p", "t", perDay(2000), 0)); a != 6 || b != 1006 {
			t.Errorf("%d and %d left after %d refusals, want 6 and 1006", a, b, refused.Load())
		}
	}
}

func TestRedis_refundOnTheOtherSideOfARace(t *testing.T) {
	t.Parallel()
	url := redisURL(t)
	replicas := []*ratelimit.Limiter{replicaOn(t, url), replicaOn(t, url)}
	race(200, func(i int) {
		l := replicas[i%2]
		refund(t, l, spend(t, l, ratelimit.ForDevices("p", perDay(1000), 5)))
	})
	// What is earned back while several spends are open counts for each of their
	// refunds, so a moment's worth, far below a unit, may be missing.
	if got := left(t, replicas[0], ratelimit.ForDevices("p", perDay(1000), 0)); got < 999 {
		t.Errorf("%d left after everything was refunded, want 1000 or a moment less", got)
	}
}

func TestRedis_idleKeysVanish(t *testing.T) {
	t.Parallel()
	client := newClient(t, redisURL(t))
	l := ratelimit.New(patient(ratelimit.NewRedis(client, nil)), steady)
	spend(t, l, ratelimit.ForDevices("p", ratelimit.Rate{Count: 100, Period: time.Hour}, 50))
	lives, err := client.PTTL(t.Context(), ratelimit.RedisKey("devices:p")).Result()
	if err != nil || lives > 30*time.Minute || lives < 29*time.Minute {
		t.Fatalf("the bucket lives %v, %v; want 30m, when its budget is whole again", lives, err)
	}
	d := spend(t, l, ratelimit.ForDevices("q", perDay(100), 50))
	left(t, l, ratelimit.ForRequest("looked at", perDay(1)))
	refund(t, l, d) // at another microsecond than it was spent, so within one of nothing
	if keys, err := client.Keys(t.Context(), "*").Result(); err != nil || len(keys) != 1 {
		t.Fatalf("keys %v, %v: want that of p alone, since q was refunded and the other only looked at", keys, err)
	}
}

func TestRedis_survivesScriptFlush(t *testing.T) {
	t.Parallel()
	client := newClient(t, redistest.Start(t).URL())
	l := ratelimit.New(patient(ratelimit.NewRedis(client, nil)), steady)
	one := ratelimit.ForDevices("p", perDay(10), 1)
	d := spend(t, l, one)
	for range 2 {
		if err := client.ScriptFlush(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		refund(t, l, d)
		d = spend(t, l, one)
	}
	if got := left(t, l, one); got != 9 {
		t.Errorf("%d left, want 9", got)
	}
}

// The server refuses a script whose keys are in different slots, as every cluster
// does.
func TestRedis_bucketsOfOneDecisionAreInOneSlot(t *testing.T) {
	t.Parallel()

	s := redistest.Start(t, "cluster-enabled yes", "cluster-require-full-coverage no", "cluster-port "+freePort(t))
	if err := s.Do("CLUSTER", "ADDSLOTSRANGE", "0", "16383"); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, s.URL())
	r := patient(ratelimit.NewRedis(client, nil))
	deadline := time.Now().Add(30 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); ; <-tick { // a new master is not writable at once
		_, err := r.SpendAll(t.Context(), items(item("x", 1, 10)))
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	l := ratelimit.New(r, steady)
	partner := models.PartnerID("0198e7a4-0000-7000-8000-000000000001")
	d := spend(t, l, ratelimit.ForDevices(partner, perDay(10), 3), ratelimit.ForTenantDevices(partner, "t", perDay(10), 3))
	refund(t, l, d)
	if _, err := r.SpendAll(t.Context(), items(item("a", 1, 10), item("b", 1, 10))); err == nil {
		t.Error("two partners were decided together: this server cannot tell slots apart, so the test proves nothing")
	}
}

func TestRedis_howToConnect(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	if err := s.Do("ACL", "SETUSER", "gateway", "on", ">p@ss/word", "~countersign:*", "+@read", "+@write", "+@scripting", "+@connection", "+time"); err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{
		"loopback": s.URL(),
		"socket":   s.SocketURL(),
		"a user":   "redis://gateway:p%40ss%2Fword@" + s.Addr(),
	} {
		r, err := ratelimit.OpenRedis(url)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		patient(r)
		spend(t, ratelimit.New(r, nil), ratelimit.ForDevices("p", perDay(10), 1))
		if n, err := r.Announce(t.Context(), "a"); n != 1 || err != nil {
			t.Errorf("%s: %d replicas, %v", name, n, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := left(t, replicaOn(t, s.URL()), ratelimit.ForDevices("p", perDay(10), 1)); got != 7 {
		t.Errorf("%d left, want 7", got)
	}
}

func TestRedis_overTLSVerifiesTheServer(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	port := freePort(t)
	s := redistest.Start(t, "tls-port "+port, "tls-cert-file "+cert, "tls-key-file "+key, "tls-auth-clients no")
	secure := strings.Replace(strings.Replace(s.URL(), "redis:", "rediss:", 1), s.Addr(), "localhost:"+port, 1)
	for url, trusted := range map[string]bool{secure: false, secure + "?skip_verify=true": true} {
		r, err := ratelimit.OpenRedis(url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		// Connecting has its own bound, which a busy machine may miss.
		err = context.DeadlineExceeded
		for attempt := 0; attempt < 20 && errors.Is(err, context.DeadlineExceeded); attempt++ {
			_, err = patient(r).SpendAll(t.Context(), items(item("a", 1, 10)))
		}
		var unknown x509.UnknownAuthorityError
		if trusted && err != nil || !trusted && !errors.As(err, &unknown) {
			t.Errorf("trusted %v: %v", trusted, err)
		}
	}
}

// selfSigned writes a certificate for localhost that nobody vouches for, and its key.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", public), write("key.pem", "PRIVATE KEY", secret)
}

func TestRedis_errorsDoNotTellThePassword(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, url := range []string{
		"redis://u:" + secret + "@[::1", "redis://u:" + secret + "@host:port/x", "redis://u:" + secret + "@host/one/two",
		"http://u:" + secret + "@host", secret, "redis://:" + secret + "%@host", "redis://host?pass=" + secret, "unix://u:" + secret + "@",
	} {
		if err := ratelimit.CheckRedisURL(url); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", url, err)
		}
	}
	s := redistest.Start(t)
	r, err := ratelimit.OpenRedis("redis://default:" + secret + "@" + s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	patient(r)
	if _, err := r.SpendAll(t.Context(), items(item("a", 1, 10))); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestRedis_announceCountsTheLiving(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := patient(ratelimit.NewRedis(newClient(t, redisURL(t)), c.Now))
	for _, step := range []struct {
		after time.Duration
		who   string
		want  int
	}{{0, "a", 1}, {time.Second, "b", 2}, {time.Second, "a", 2}, {14 * time.Second, "a", 1}, {0, "b", 2}} {
		c.Advance(step.after)
		if n, err := r.Announce(t.Context(), step.who); err != nil || n != step.want {
			t.Fatalf("%+v: %d, %v", step, n, err)
		}
	}
}

func TestRedis_refusesToWaitInATransaction(t *testing.T) {
	t.Parallel()
	d, err := db.Open(t.Context(), db.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "x.db"), Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r := ratelimit.NewRedis(newClient(t, redisURL(t)), nil)
	err = d.InTx(t.Context(), func(ctx context.Context, _ *db.Tx) error {
		_, spendErr := r.SpendAll(ctx, items(item("a", 1, 10)))
		_, announceErr := r.Announce(ctx, "a")
		_, resetErr := r.Reset(ctx, "a", limiter.Rate{Limit: 1, Period: time.Second})
		for _, err := range []error{spendErr, announceErr, resetErr, r.RefundAll(ctx, []ratelimit.Receipt{{ID: "devices:a", Cost: 1}})} {
			if !errors.Is(err, db.ErrInTransaction) {
				t.Errorf("want ErrInTransaction, got %v", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRedis_runsUlulesLimiter(t *testing.T) {
	t.Parallel()
	l := limiter.New(patient(ratelimit.NewRedis(newClient(t, redisURL(t)), nil)), limiter.Rate{Limit: 3, Period: 24 * time.Hour})
	for i := int64(1); i <= 4; i++ {
		got, err := l.Get(t.Context(), "foo")
		want(t, "get", got, err, max(0, 3-i), i > 3)
	}
	got, err := l.Reset(t.Context(), "foo")
	want(t, "reset", got, err, 3, false)
	got, err = l.Peek(t.Context(), "foo")
	want(t, "peek", got, err, 3, false)
	if until := time.Until(time.Unix(got.Reset, 0)); until > 2*time.Second || until < -time.Minute {
		t.Errorf("a whole budget is whole again in %v", until)
	}
}

// A bucket somebody spoiled counts as empty, and is written anew.
func TestRedis_spoiledBucket(t *testing.T) {
	t.Parallel()
	client := newClient(t, redisURL(t))
	if err := client.Set(t.Context(), ratelimit.RedisKey("devices:p"), "what?", redis.KeepTTL).Err(); err != nil {
		t.Fatal(err)
	}
	l := ratelimit.New(patient(ratelimit.NewRedis(client, nil)), steady)
	spend(t, l, ratelimit.ForDevices("p", perDay(10), 4))
	if got := left(t, l, ratelimit.ForDevices("p", perDay(10), 0)); got != 6 {
		t.Errorf("%d left, want 6", got)
	}
}

// freePort is one that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
