package egress_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"countersign/internal/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCheckURL(t *testing.T) {
	t.Parallel()
	strict := egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")}})
	dev := egress.New(egress.Options{Loopback: true})
	for raw, want := range map[string][2]bool{ // strict, dev
		"https://login.example.com/realms/main": {true, true},
		"https://login.example.com:8443/x":      {true, true}, // the port is judged with the address
		"https://xn--bcher-kva.example":         {true, true},
		"https://10.1.2.3/x":                    {true, false},
		"http://127.0.0.1:8080/dev/idp/x":       {false, true},
		"http://localhost:8080":                 {false, true},
		"https://127.0.0.1":                     {false, true},
		"http://login.example.com":              {false, false},
		"ftp://login.example.com":               {false, false},
		"https://user@login.example.com":        {false, false},
		"https://login.example.com@evil":        {false, false},
		"https://login.example.com/#x":          {false, false},
		"https://10.1.3.3":                      {false, false},
		"https://169.254.169.254/latest":        {false, false},
		"https://[::ffff:7f00:1]":               {false, true},
		"https://[fd00::1]":                     {false, false},
		"https://2130706433/":                   {false, false},
		"https://0x7f.1/":                       {false, false},
		"https://0177.0.0.1/":                   {false, false},
		"https://bücher.example":                {false, false},
		"https://login.example.com\r\nHost: x":  {false, false},
		"https:\\\\login.example.com":           {false, false},
		"https://login.example.com\\@evil":      {false, false},
		"https://":                              {false, false},
		"//login.example.com":                   {false, false},
		"login.example.com":                     {false, false},
		"https://-x.example":                    {false, false},
		"https://a..example":                    {false, false},
		"":                                      {false, false},
	} {
		if got := [2]bool{strict.CheckURL(raw) == nil, dev.CheckURL(raw) == nil}; got != want {
			t.Errorf("%q: got %v, want %v", raw, got, want)
		}
	}
}

// names is a DNS server on this machine; every question for a name takes the next of its
// answers, the last one for ever.
type names struct {
	mu      sync.Mutex
	answers map[string][]string
}

func serveNames(t *testing.T, answers map[string][]string) *net.Resolver {
	t.Helper()
	n := &names{answers: answers}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: n}
	done := make(chan struct{})
	go func() { _ = server.ActivateAndServe(); close(done) }()
	t.Cleanup(func() { _ = server.Shutdown(); <-done })
	return egress.NewResolver(conn.LocalAddr().String())
}

// ServeDNS implements dns.Handler.
func (n *names) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := new(dns.Msg)
	m.SetReply(r)
	q := r.Question[0]
	list := n.answers[strings.TrimSuffix(q.Name, ".")]
	if len(list) > 0 {
		record := dns.TypeToString[q.Qtype]
		if strings.Contains(list[0], ":") == (record == "AAAA") {
			if rr, err := dns.NewRR(q.Name + " 0 IN " + record + " " + list[0]); err == nil {
				m.Answer = append(m.Answer, rr)
			}
			if len(list) > 1 {
				n.answers[strings.TrimSuffix(q.Name, ".")] = list[1:]
			}
		}
	}
	_ = w.WriteMsg(m)
}

// No name leads into the operator's own network: the address that is dialled is checked,
// whatever the name said before (DNS rebinding).
func TestDial_refusesAddressesInside(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	sink := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	t.Cleanup(sink.Close)
	port := sink.Listener.Addr().(*net.TCPAddr).Port
	resolver := serveNames(t, map[string][]string{
		"loopback.example":  {"127.0.0.1"},
		"v6.example":        {"::1"},
		"mapped.example":    {"::ffff:127.0.0.1"},
		"nat64.example":     {"64:ff9b::7f00:1"},
		"private.example":   {"10.0.0.1"},
		"private2.example":  {"192.168.1.1"},
		"metadata.example":  {"169.254.169.254"},
		"carrier.example":   {"100.64.0.1"},
		"zero.example":      {"0.0.0.0"},
		"local.example":     {"fd00::1"},
		"multicast.example": {"224.0.0.1"},
	})
	for _, options := range []egress.Options{{Resolver: resolver}, {Resolver: resolver, Allow: []netip.Prefix{netip.MustParsePrefix("10.9.9.0/24")}}} {
		client := egress.New(options)
		t.Cleanup(client.Close)
		for _, host := range []string{
			"loopback", "v6", "mapped", "nat64", "private", "private2", "metadata", "carrier", "zero", "local", "multicast",
		} {
			for _, at := range []string{"", ":" + itoa(port)} {
				response, err := client.HTTP().Get("https://" + host + ".example" + at + "/")
				if err == nil {
					_ = response.Body.Close()
					t.Errorf("%s%s was reached", host, at)
				} else if !strings.Contains(err.Error(), "prohibited") {
					t.Errorf("%s%s: %v", host, at, err)
				}
			}
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d calls came through", reached.Load())
	}
}

func TestDial_rebinding(t *testing.T) {
	t.Parallel()
	resolver := serveNames(t, map[string][]string{"rebind.example": {"203.0.113.1", "127.0.0.1"}})
	if _, err := resolver.LookupHost(t.Context(), "rebind.example"); err != nil {
		t.Fatal(err)
	}
	client := egress.New(egress.Options{Resolver: resolver})
	t.Cleanup(client.Close)
	response, err := client.HTTP().Get("https://rebind.example/")
	if err == nil {
		_ = response.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "prohibited") {
		t.Errorf("got %v", err)
	}
}

// Redirects are not followed, answers are bounded, proxies of the environment are not
// used, plain http and user names are refused at the time of the call too.
func TestExchange(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("NO_PROXY", "")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/small", http.StatusFound)
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", egress.MaxBody+1))
		case "/full":
			_, _ = io.WriteString(w, strings.Repeat("x", egress.MaxBody))
		default:
			_, _ = io.WriteString(w, "ok")
		}
	}))
	t.Cleanup(server.Close)
	client := egress.New(egress.Options{Loopback: true})
	t.Cleanup(client.Close)
	get := func(path string) (int, string, error) {
		response, err := client.HTTP().Get(server.URL + path)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		return response.StatusCode, string(text), err
	}
	if status, text, err := get("/small"); err != nil || status != 200 || text != "ok" {
		t.Errorf("got %d %q, %v", status, text, err)
	}
	if status, _, err := get("/redirect"); err != nil || status != http.StatusFound {
		t.Errorf("the redirect answers %d, %v", status, err)
	}
	if _, _, err := get("/large"); !errors.Is(err, egress.ErrTooLarge) {
		t.Errorf("a large answer: %v", err)
	}
	if _, text, err := get("/full"); err != nil || len(text) != egress.MaxBody {
		t.Errorf("a full answer: %d bytes, %v", len(text), err)
	}
	strict := egress.New(egress.Options{})
	t.Cleanup(strict.Close)
	for _, address := range []string{server.URL, "https://user:x@login.example.com/"} {
		if response, err := strict.HTTP().Get(address); err == nil {
			_ = response.Body.Close()
			t.Errorf("%s was called", address)
		}
	}
}

// A certificate for another name is refused, and a server that drips is given up.
func TestExchange_withABadServer(t *testing.T) {
	t.Parallel()
	tls := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	tls.Config.ErrorLog = nil
	tls.StartTLS()
	t.Cleanup(tls.Close)
	client := egress.New(egress.Options{Loopback: true})
	t.Cleanup(client.Close)
	if response, err := client.HTTP().Get(tls.URL); err == nil {
		_ = response.Body.Close()
		t.Error("an unknown certificate was accepted")
	}
	stop := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(stop) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, slow.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.HTTP().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.ReadAll(response.Body); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a dripping answer: %v", err)
	}
	if client.HTTP().Timeout != egress.Timeout {
		t.Error("an exchange has no end")
	}
}

func itoa(n int) string {
	return netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n)).String()[len("0.0.0.0:"):]
}
