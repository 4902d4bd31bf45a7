package partners_test

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"countersign/internal/db"
	"countersign/internal/egress"
	"countersign/models"
	"countersign/partners"
)

// zone is a real DNS server on this machine with TXT records.
type zone struct {
	mu      sync.Mutex
	records map[string][]string
	broken  bool
}

func (z *zone) publish(name string, values ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[name] = values
}

// fail makes the server answer every question with a failure.
func (z *zone) fail(broken bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.broken = broken
}

// ServeDNS implements dns.Handler.
func (z *zone) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(r)
	q := r.Question[0]
	values, known := z.records[strings.TrimSuffix(strings.ToLower(q.Name), ".")]
	switch {
	case z.broken:
		m.Rcode = dns.RcodeServerFailure
	case !known:
		m.Rcode = dns.RcodeNameError
	case q.Qtype == dns.TypeTXT:
		for _, value := range values {
			m.Answer = append(m.Answer, &dns.TXT{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{value}})
		}
	}
	_ = w.WriteMsg(m)
}

func serveZone(t *testing.T) (*zone, *net.Resolver) {
	t.Helper()
	z := &zone{records: map[string][]string{}}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	server := &dns.Server{PacketConn: conn, Handler: z}
	done := make(chan struct{})
	go func() { _ = server.ActivateAndServe(); close(done) }()
	t.Cleanup(func() { _ = server.Shutdown(); <-done })
	return z, egress.NewResolver(conn.LocalAddr().String())
}

func withZone(t *testing.T, fn func(t *testing.T, w *world, z *zone)) {
	t.Helper()
	t.Parallel()
	for _, dialect := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dialect)
			z, resolver := serveZone(t)
			deps := w.deps()
			deps.DNS = resolver
			registry, err := partners.New(deps)
			must(t, err)
			w.Registry = registry
			fn(t, w, z)
		})
	}
}

func TestDomain_isProvenByTheDNS(t *testing.T) {
	withZone(t, func(t *testing.T, w *world, z *zone) {
		tenant := w.tenant(t)
		_, err := w.VerifyDomain(t.Context(), tenant.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrNoChallenge)
		challenge, err := w.ChallengeDomain(t.Context(), tenant.ID, " Fabrikam.Example ")
		must(t, err)
		if challenge.Domain != "fabrikam.example" || len(challenge.Token) != 52 || !challenge.ExpiresAt.Equal(start.Add(partners.ChallengeLife)) {
			t.Errorf("got %+v", challenge)
		}
		again, err := w.ChallengeDomain(t.Context(), tenant.ID, "fabrikam.example")
		must(t, err)
		if again.Token != challenge.Token {
			t.Error("asking twice made another token")
		}
		_, err = w.VerifyDomain(t.Context(), tenant.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrNotProven) // the name is not there
		z.publish("_countersign-challenge.fabrikam.example", "v=spf1 -all", challenge.Token+"x")
		_, err = w.VerifyDomain(t.Context(), tenant.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrNotProven) // another text is
		z.fail(true)
		_, err = w.VerifyDomain(t.Context(), tenant.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrDNS)
		z.fail(false)
		z.publish("_countersign-challenge.fabrikam.example", "v=spf1 -all", challenge.Token)
		proven, err := w.VerifyDomain(t.Context(), tenant.ID, "FABRIKAM.example")
		must(t, err)
		if proven.Proof != models.ProvenByDNS || !proven.VerifiedAt.Equal(start) {
			t.Errorf("got %+v", proven)
		}
		has, err := w.HasDomain(t.Context(), tenant.ID, "fabrikam.example")
		if must(t, err); !has {
			t.Error("the tenant does not have its domain")
		}
		w.clock.add(time.Hour)
		renewed, err := w.VerifyDomain(t.Context(), tenant.ID, "fabrikam.example")
		must(t, err)
		list, err := w.DomainsOf(t.Context(), tenant.ID)
		must(t, err)
		if !renewed.VerifiedAt.Equal(start.Add(time.Hour)) || len(list.Domains) != 1 || len(list.Challenges) != 1 {
			t.Errorf("got %+v and %+v", renewed, list)
		}
		must(t, w.ReleaseDomain(t.Context(), tenant.ID, "fabrikam.example"))
		wantErr(t, w.ReleaseDomain(t.Context(), tenant.ID, "fabrikam.example"), partners.ErrNoDomain)
		if n := w.count(t, "SELECT count(*) FROM ledger_entries WHERE kind = 'tenant.changed'"); n != 3 {
			t.Errorf("%d entries", n)
		}
	})
}

// A token is of one tenant and one domain: what is public in the DNS proves nothing for
// anybody else.
func TestDomain_tokenBelongsToOneTenant(t *testing.T) {
	withZone(t, func(t *testing.T, w *world, z *zone) {
		owner, thief := w.tenant(t), w.tenant(t)
		mine, err := w.ChallengeDomain(t.Context(), owner.ID, "fabrikam.example")
		must(t, err)
		_, err = w.ChallengeDomain(t.Context(), thief.ID, "fabrikam.example")
		must(t, err)
		_, err = w.ChallengeDomain(t.Context(), owner.ID, "other.example")
		must(t, err)
		z.publish("_countersign-challenge.fabrikam.example", mine.Token)
		z.publish("_countersign-challenge.other.example", mine.Token)
		z.publish("fabrikam.example", mine.Token)
		_, err = w.VerifyDomain(t.Context(), thief.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrNotProven)
		_, err = w.VerifyDomain(t.Context(), owner.ID, "other.example")
		wantErr(t, err, partners.ErrNotProven)
		_, err = w.VerifyDomain(t.Context(), owner.ID, "fabrikam.example")
		must(t, err)
		wantErr(t, w.ReleaseDomain(t.Context(), thief.ID, "fabrikam.example"), partners.ErrNoDomain)
		// One domain, one tenant.
		_, err = w.ChallengeDomain(t.Context(), thief.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrDomainTaken)
		_, err = w.VerifyDomain(t.Context(), thief.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrNotProven)
	})
}

func TestDomain_tokenExpires(t *testing.T) {
	withZone(t, func(t *testing.T, w *world, z *zone) {
		tenant := w.tenant(t)
		first, err := w.ChallengeDomain(t.Context(), tenant.ID, "fabrikam.example")
		must(t, err)
		z.publish("_countersign-challenge.fabrikam.example", first.Token)
		w.clock.add(partners.ChallengeLife)
		_, err = w.VerifyDomain(t.Context(), tenant.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrNoChallenge)
		second, err := w.ChallengeDomain(t.Context(), tenant.ID, "fabrikam.example")
		must(t, err)
		if second.Token == first.Token {
			t.Error("the token lives on")
		}
		_, err = w.VerifyDomain(t.Context(), tenant.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrNotProven)
		w.clock.add(partners.ChallengeLife + time.Second)
		must(t, w.SweepChallenges(t.Context()))
		if n := w.count(t, "SELECT count(*) FROM domain_challenges"); n != 0 {
			t.Errorf("%d tokens are left", n)
		}
	})
}

// Proof beats an operator's word; the one who loses the domain can read it.
func TestDomain_proofBeatsTheOperatorsWord(t *testing.T) {
	withZone(t, func(t *testing.T, w *world, z *zone) {
		squatter, owner := w.tenant(t, "fabrikam.example"), w.tenant(t)
		challenge, err := w.ChallengeDomain(t.Context(), owner.ID, "fabrikam.example")
		must(t, err)
		z.publish("_countersign-challenge.fabrikam.example", challenge.Token)
		_, err = w.VerifyDomain(t.Context(), owner.ID, "fabrikam.example")
		must(t, err)
		has, err := w.HasDomain(t.Context(), squatter.ID, "fabrikam.example")
		if must(t, err); has {
			t.Error("the squatter still has it")
		}
		if n := w.count(t, "SELECT count(*) FROM ledger_entries WHERE kind = 'tenant.changed' AND tenant_id = ? AND body LIKE '%domainLost%'", squatter.ID); n != 1 {
			t.Errorf("%d entries of the loss", n)
		}
		// A new owner of the domain gets it from a tenant that is suspended.
		next := w.tenant(t)
		_, err = w.ChallengeDomain(t.Context(), next.ID, "fabrikam.example")
		wantErr(t, err, partners.ErrDomainTaken)
		_, err = w.SuspendTenant(t.Context(), owner.ID)
		must(t, err)
		challenge, err = w.ChallengeDomain(t.Context(), next.ID, "fabrikam.example")
		must(t, err)
		z.publish("_countersign-challenge.fabrikam.example", challenge.Token)
		_, err = w.VerifyDomain(t.Context(), next.ID, "fabrikam.example")
		must(t, err)
	})
}

func TestDomain_refuses(t *testing.T) {
	withZone(t, func(t *testing.T, w *world, _ *zone) {
		tenant := w.tenant(t)
		for _, domain := range []string{"", "example", "127.0.0.1", "a b.example", "x\x00.example", "münchen.example", "*.example.com", strings.Repeat("a.", 116) + "example"} {
			_, err := w.ChallengeDomain(t.Context(), tenant.ID, domain)
			wantErr(t, err, partners.ErrInvalid)
			_, err = w.VerifyDomain(t.Context(), tenant.ID, domain)
			wantErr(t, err, partners.ErrInvalid)
		}
		for i := range 100 {
			_, err := w.ChallengeDomain(t.Context(), tenant.ID, strings.Repeat("x", i%50+1)+string(rune('a'+i/50))+".example")
			must(t, err)
		}
		_, err := w.ChallengeDomain(t.Context(), tenant.ID, "one-more.example")
		wantErr(t, err, partners.ErrInvalid)
	})
}
