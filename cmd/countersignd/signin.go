package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"countersign/authz"
	"countersign/authz/signin"
	"countersign/internal/egress"
	"countersign/internal/settings"
)

// checkSignIn refuses settings with which customers could not sign in, or not safely.
func (c Config) checkSignIn() error {
	if _, err := c.egressPrefixes(); err != nil {
		return err
	}
	if c.DNSServer != "" {
		if _, _, err := settings.SplitAddress("dns_server", c.DNSServer); err != nil {
			return err
		}
	}
	if c.SharedIssuer != "" && (!strings.HasPrefix(c.SharedIssuer, "https://") || strings.Count(c.SharedIssuer, "{tid}") != 1) {
		return errors.New("shared_issuer: must be an https address with {tid} once, where a customer's GUID stands, or empty")
	}
	if (c.SharedClientID == "") != (c.SharedClientSecretFile == "") || c.SharedClientID != "" && c.SharedIssuer == "" {
		return errors.New("shared_client_id and shared_client_secret_file go together, and need shared_issuer")
	}
	if c.SharedClientID != "" && c.SharedACRValues+c.SharedAMRValues == "" {
		return errors.New("shared_acr_values, shared_amr_values: name what means more than one factor at the shared issuer")
	}
	return c.checkPortalURL()
}

// checkPortalURL keeps pages and API on hosts of their own, so that no page's cookie is
// ever sent to the API; one host is for development.
func (c Config) checkPortalURL() error {
	if c.PortalURL == "" {
		return nil
	}
	if err := c.checkAddress("portal_url", c.PortalURL); err != nil {
		return err
	}
	pages, err := url.Parse(c.PortalURL)
	if err != nil {
		return fmt.Errorf("portal_url: %w", err)
	}
	api, err := url.Parse(c.PublicURL)
	if err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	if pages.Path != "" {
		return errors.New("portal_url: must be a host without a path; the pages are below /portal")
	}
	// Cookies know no ports (RFC 6265 section 8.5), so another port is the same host.
	if !c.Dev && strings.EqualFold(pages.Hostname(), api.Hostname()) {
		return errors.New("portal_url: must be another host than public_url, such as portal.example.com beside api.example.com; one host for both is for development (dev)")
	}
	return nil
}

func (c Config) egressPrefixes() ([]netip.Prefix, error) {
	return prefixesOf("egress_allow", c.EgressAllow)
}

// proxyPrefixes are our own proxies.
func (c Config) proxyPrefixes() ([]netip.Prefix, error) {
	return prefixesOf("trusted_proxies", c.TrustedProxies)
}

// prefixesOf reads a setting that lists ranges of addresses.
func prefixesOf(setting, list string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range listOf(list) {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a range of addresses such as 10.1.2.0/24", setting, text)
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

// listOf parts a setting at its commas.
func listOf(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// openSignIn joins the sign-in of customers with what it needs. Without a portal nobody
// signs in, but tenants are prepared all the same.
func (c Config) openSignIn(d *databases, s *services, log *slog.Logger) (*egress.Client, *signin.Service, error) {
	sealer, err := authz.LoadSealer(c.DataDir)
	if err != nil {
		return nil, nil, err
	}
	prefixes, err := c.egressPrefixes()
	if err != nil {
		return nil, nil, err
	}
	shared, err := c.sharedProvider()
	if err != nil {
		return nil, nil, err
	}
	outside := egress.New(egress.Options{Loopback: c.Dev, Allow: prefixes})
	service, err := signin.New(signin.Deps{
		DB: d.gateway, Outside: outside, Sealer: sealer, Signer: s.signInKeys, Rights: s.registry, NewID: newID,
		PortalURL: c.portalOrPublic(), Shared: shared, Logger: log, Now: time.Now,
	})
	return outside, service, err
}

// portalOrPublic is where the pages are, or would be: without a portal nobody can sign in.
func (c Config) portalOrPublic() string {
	if c.PortalURL == "" {
		return c.PublicURL
	}
	return c.PortalURL
}

// sharedProvider reads the registration at the provider for many organisations.
func (c Config) sharedProvider() (signin.Shared, error) {
	shared := signin.Shared{
		Issuer: c.SharedIssuer, ClientID: c.SharedClientID, RoleClaim: c.SharedRoleClaim,
		AdminValues: listOf(c.SharedAdminValues), ApproverValues: listOf(c.SharedApproverValues),
		RequireMFA: true, ACRValues: listOf(c.SharedACRValues), AMRValues: listOf(c.SharedAMRValues),
	}
	if c.SharedClientSecretFile == "" {
		return shared, nil
	}
	text, err := os.ReadFile(c.SharedClientSecretFile)
	if err != nil {
		return signin.Shared{}, fmt.Errorf("shared_client_secret_file: %w", err)
	}
	if shared.ClientSecret = strings.TrimSpace(string(text)); shared.ClientSecret == "" {
		return signin.Shared{}, errors.New("shared_client_secret_file: the file is empty")
	}
	return shared, nil
}
