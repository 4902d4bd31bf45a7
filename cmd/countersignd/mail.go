package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"countersign/internal/notice"
	"countersign/models"
)

// checkMail refuses settings of mail that cannot work, before anything is opened.
func (c Config) checkMail() error {
	if c.SMTPURL == "" {
		if c.SMTPFrom != "" || c.SMTPPasswordFile != "" {
			return errors.New("smtp_from and smtp_password_file go with smtp_url")
		}
		return nil
	}
	server, err := notice.ParseServer(c.SMTPURL)
	if err != nil {
		return fmt.Errorf("smtp_url %w", err)
	}
	if (server.User == "") != (c.SMTPPasswordFile == "") {
		return errors.New("the user of smtp_url and smtp_password_file go together")
	}
	if !models.ValidMailAddress(c.SMTPFrom) {
		return errors.New("smtp_from must be an address of mail such as devices@contoso.com")
	}
	return nil
}

// openMail makes the service that writes mails; nil when none are sent.
func (c Config) openMail(d *databases, s *services, log *slog.Logger) (*notice.Service, error) {
	if c.SMTPURL == "" {
		return nil, nil
	}
	server, err := notice.ParseServer(c.SMTPURL)
	if err != nil {
		return nil, fmt.Errorf("smtp_url %w", err)
	}
	if c.SMTPPasswordFile != "" {
		text, err := os.ReadFile(c.SMTPPasswordFile)
		if err != nil {
			return nil, fmt.Errorf("smtp_password_file: %w", err)
		}
		server.Password = strings.TrimRight(string(text), "\r\n")
	}
	return notice.New(notice.Deps{
		DB: d.gateway, Feed: s.chains, Carrier: notice.NewSMTP(server), From: c.SMTPFrom, Portal: c.portalOrPublic(),
		NewID: newID, Logger: log,
	})
}

var (
	mailsDesc   = prometheus.NewDesc("countersign_notices_total", "Mails by what became of them in this replica: sent, retried or dead.", []string{"result"}, nil)
	outboxDesc  = prometheus.NewDesc("countersign_notices_waiting", "Mails that wait to be sent, over all replicas.", nil, nil)
	outboxGrace = 2 * time.Second
)

// mailCollector reads what became of mails when it is scraped.
type mailCollector struct{ notices *notice.Service }

// Describe implements prometheus.Collector.
func (m mailCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- mailsDesc
	ch <- outboxDesc
}

// Collect implements prometheus.Collector.
func (m mailCollector) Collect(ch chan<- prometheus.Metric) {
	n := m.notices.Counts()
	for result, count := range map[string]int64{"sent": n.Sent, "retried": n.Retried, "dead": n.Dead} {
		ch <- prometheus.MustNewConstMetric(mailsDesc, prometheus.CounterValue, float64(count), result)
	}
	ctx, cancel := context.WithTimeout(context.Background(), outboxGrace)
	defer cancel()
	waiting, err := m.notices.Waiting(ctx)
	if err != nil {
		ch <- prometheus.NewInvalidMetric(outboxDesc, err)
		return
	}
	ch <- prometheus.MustNewConstMetric(outboxDesc, prometheus.GaugeValue, float64(waiting))
}
