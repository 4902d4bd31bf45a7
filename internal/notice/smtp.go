package notice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
)

// connectTimeout bounds each step of talking to the server.
const connectTimeout = 20 * time.Second

// Server is where mail is handed over.
type Server struct {
	Host     string
	Port     int
	TLS      bool // from the first byte (smtps); otherwise by STARTTLS
	User     string
	Password string
	Roots    *x509.CertPool // who vouches for the server; nil takes the system's roots
}

// ParseServer reads smtp://user@host:587 or smtps://user@host:465. The ports may be left
// out. A password has no place in an address: addresses are printed.
func ParseServer(raw string) (Server, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil, u.Hostname() == "", u.Scheme != "smtp" && u.Scheme != "smtps":
		return Server{}, errors.New("must be smtp://user@host:587 or smtps://user@host:465")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return Server{}, errors.New("has nothing behind host and port")
	}
	if _, has := u.User.Password(); has {
		return Server{}, errors.New("must not hold the password; put it into a file and name that")
	}
	s := Server{Host: u.Hostname(), TLS: u.Scheme == "smtps", User: u.User.Username(), Port: 587}
	if s.TLS {
		s.Port = 465
	}
	if p := u.Port(); p != "" {
		if s.Port, err = strconv.Atoi(p); err != nil || s.Port < 1 || s.Port > 65535 {
			return Server{}, fmt.Errorf("has no port %s", p)
		}
	}
	return s, nil
}

// SMTP hands mail over to a server (RFC 5321, RFC 8314). The connection is encrypted, but
// for a server on this machine that offers no STARTTLS.
type SMTP struct{ server Server }

// NewSMTP returns a Carrier.
func NewSMTP(s Server) *SMTP { return &SMTP{server: s} }

// Send implements Carrier. Each mail has a connection of its own: there are few.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	msg, err := message(m)
	if err != nil {
		return &Permanent{err}
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	err = client.SendWithSMTPClient(conn, msg)
	// The mail is taken, or not; how the farewell goes does not matter.
	_ = client.CloseWithSMTPClient(conn)
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		return &Permanent{err}
	}
	return err
}

func (s *SMTP) client() (*mail.Client, error) {
	opts := []mail.Option{
		mail.WithPort(s.server.Port), mail.WithTimeout(connectTimeout), mail.WithoutNoop(),
		mail.WithTLSConfig(&tls.Config{ServerName: s.server.Host, MinVersion: tls.VersionTLS12, RootCAs: s.server.Roots}),
	}
	if s.server.TLS {
		opts = append(opts, mail.WithSSL())
	} else {
		opts = append(opts, mail.WithTLSPolicy(policyFor(s.server.Host)))
	}
	if s.server.User != "" {
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.server.User), mail.WithPassword(s.server.Password))
	}
	return mail.NewClient(s.server.Host, opts...)
}

// policyFor says whether a server has to offer STARTTLS.
func policyFor(host string) mail.TLSPolicy {
	ip := net.ParseIP(host)
	if host == "localhost" || ip != nil && ip.IsLoopback() {
		return mail.TLSOpportunistic
	}
	return mail.TLSMandatory
}

// message makes the mail as it is sent. Subject and addresses are encoded by the library;
// that none has a line break was seen to before.
func message(m Mail) (*mail.Msg, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(m.From); err != nil {
		return nil, err
	}
	if err := msg.To(m.To); err != nil {
		return nil, err
	}
	msg.Subject(line(m.Subject, maxSubject))
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(m.Date)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	return msg, nil
}

// maxSubject is the longest subject, in characters.
const maxSubject = 250
