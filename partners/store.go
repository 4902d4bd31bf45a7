package partners

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"countersign/internal/db"
	"countersign/models"
)

// rows is the SQL of this package, bound to a context and either to a
// transaction or to a pool. Changes of state are compare-and-set.
type rows struct{ g *gorm.DB }

// add inserts one row. The caller names a violated unique index.
func (r rows) add(row any) error { return r.g.Create(row).Error }

// found replaces "no row" by the named error.
func found(err, missing error) error {
	if db.IsNotFound(err) {
		return missing
	}
	return err
}

func (r rows) partner(id models.PartnerID) (models.Partner, error) {
	var partner models.Partner
	err := r.g.Where("id = ?", id).Take(&partner).Error
	return partner, found(err, ErrPartnerNotFound)
}

func (r rows) partners(after string, limit int) ([]models.Partner, error) {
	var list []models.Partner
	err := r.g.Where("id > ?", after).Order("id").Limit(limit).Find(&list).Error
	return list, err
}

func (r rows) partnerNames() ([]string, error) {
	var names []string
	err := r.g.Model(&models.Partner{}).Order("id").Pluck("name", &names).Error
	return names, err
}

// setBudgets writes all three, nil as NULL.
func (r rows) setBudgets(id models.PartnerID, b Budgets) error {
	return r.g.Exec(`UPDATE partners SET devices_per_hour = ?, tenant_devices_per_hour = ?, requests_per_minute = ? WHERE id = ?`,
		b.DevicesPerHour, b.TenantDevicesPerHour, b.RequestsPerMinute, id).Error
}

func (r rows) setContact(id models.PartnerID, address string) error {
	return r.g.Exec("UPDATE partners SET contact_email = ? WHERE id = ?", address, id).Error
}

func (r rows) setLanguage(id models.TenantID, code string) error {
	return r.g.Exec("UPDATE tenants SET language = ? WHERE id = ?", code, id).Error
}

// flip turns a switch if it stands at from, raising the epoch on a stop, and
// returns the epoch it left behind; ErrWrongState if it stands elsewhere.
func (r rows) flip(s switchOf) (int64, error) {
	raise := 0
	if s.stop {
		raise = 1
	}
	done := r.g.Table(s.table).Where("id = ? AND state = ?", s.id, s.from).
		Updates(map[string]any{"state": s.to, "epoch": gorm.Expr("epoch + ?", raise)})
	if done.Error != nil {
		return 0, done.Error
	}
	if done.RowsAffected == 0 {
		return 0, ErrWrongState.WithDetail("The %s is not %s. Read its state again.", s.kind, s.from)
	}
	var epoch int64
	err := r.g.Table(s.table).Select("epoch").Where("id = ?", s.id).Take(&epoch).Error
	return epoch, err
}

func (r rows) tenant(id models.TenantID) (models.Tenant, error) {
	var tenant models.Tenant
	err := r.g.Where("id = ?", id).Take(&tenant).Error
	return tenant, found(err, ErrTenantNotFound)
}

func (r rows) tenants(after string, limit int) ([]models.Tenant, error) {
	var list []models.Tenant
	err := r.g.Where("id > ?", after).Order("id").Limit(limit).Find(&list).Error
	return list, err
}

// domainsOf loads the domains of some tenants, each list in order.
func (r rows) domainsOf(ids []models.TenantID) (map[models.TenantID][]string, error) {
	byTenant := make(map[models.TenantID][]string, len(ids))
	if len(ids) == 0 {
		return byTenant, nil
	}
	var list []models.TenantDomain
	err := r.g.Where("tenant_id IN ?", ids).Order("domain").Find(&list).Error
	for _, d := range list {
		byTenant[d.TenantID] = append(byTenant[d.TenantID], d.Domain)
	}
	return byTenant, err
}

func (r rows) hasDomain(tenant models.TenantID, domain string) (bool, error) {
	var n int64
	err := r.g.Model(&models.TenantDomain{}).Where("domain = ? AND tenant_id = ?", domain, tenant).Count(&n).Error
	return n > 0, err
}

// partnersNamed returns the partners with this id or this partner network id; two are
// as good as more.
func (r rows) partnersNamed(id models.PartnerID, mpn string) ([]models.PartnerID, error) {
	var found []models.PartnerID
	err := r.g.Model(&models.Partner{}).Where("id = ? OR mpn_id = ?", id, mpn).Order("id").Limit(2).Pluck("id", &found).Error
	return found, err
}

func (r rows) client(id models.ClientID) (models.OAuthClient, error) {
	var client models.OAuthClient
	err := r.g.Where("id = ?", id).Take(&client).Error
	return client, found(err, ErrClientNotFound)
}

func (r rows) clients(filter ClientFilter, after string, limit int) ([]models.OAuthClient, error) {
	q := r.g.Where("id > ?", after)
	if filter.Owner != "" {
		q = q.Where("owner_kind = ?", string(filter.Owner))
	}
	if filter.PartnerID != "" {
		q = q.Where("partner_id = ?", filter.PartnerID)
	}
	if filter.TenantID != "" {
		q = q.Where("tenant_id = ?", filter.TenantID)
	}
	var list []models.OAuthClient
	err := q.Order("id").Limit(limit).Find(&list).Error
	return list, err
}

// ownerExists looks for the owner, so that a missing one has a name of its own.
func (r rows) ownerExists(client models.OAuthClient) error {
	var err error
	switch {
	case client.PartnerID != nil:
		_, err = r.partner(*client.PartnerID)
	case client.TenantID != nil:
		_, err = r.tenant(*client.TenantID)
	}
	return err
}

// first takes one row by a condition.
func (r rows) first(row any, condition string, args ...any) error {
	return r.g.Where(condition, args...).Take(row).Error
}

func (r rows) tenantDomains(tenant models.TenantID) ([]models.TenantDomain, error) {
	var list []models.TenantDomain
	err := r.g.Where("tenant_id = ?", tenant).Order("domain").Find(&list).Error
	return list, err
}

func (r rows) dropDomain(d models.TenantDomain) error {
	return r.g.Exec(`DELETE FROM tenant_domains WHERE domain = ? AND tenant_id = ?`, d.Domain, d.TenantID).Error
}

func (r rows) challenges(tenant models.TenantID) ([]models.DomainChallenge, error) {
	var list []models.DomainChallenge
	err := r.g.Where("tenant_id = ?", tenant).Order("domain").Find(&list).Error
	return list, err
}

func (r rows) countChallenges(tenant models.TenantID) (int64, error) {
	var n int64
	err := r.g.Model(&models.DomainChallenge{}).Where("tenant_id = ?", tenant).Count(&n).Error
	return n, err
}

func (r rows) dropChallenge(tenant models.TenantID, domain string) error {
	return r.g.Exec(`DELETE FROM domain_challenges WHERE tenant_id = ? AND domain = ?`, tenant, domain).Error
}

func (r rows) forgetChallenges(now time.Time) error {
	return r.g.Exec(`DELETE FROM domain_challenges WHERE expires_at < ?`, now).Error
}

// clientsOf lists every client of a tenant.
func (r rows) clientsOf(tenant models.TenantID) ([]models.OAuthClient, error) {
	var list []models.OAuthClient
	err := r.g.Where("tenant_id = ?", tenant).Order("id").Find(&list).Error
	return list, err
}

func (r rows) setScopes(id models.ClientID, scopes string) error {
	return r.g.Exec(`UPDATE oauth_clients SET scopes = ? WHERE id = ?`, scopes, id).Error
}

func (r rows) setFrozenBy(id models.ClientID, by *models.OwnerKind) error {
	return r.g.Exec(`UPDATE oauth_clients SET frozen_by = ? WHERE id = ?`, by, id).Error
}

// endingClients counts the active clients that end after from and not after until.
func (r rows) endingClients(from, until time.Time) (n int64, err error) {
	err = r.g.Model(&models.OAuthClient{}).Where("state = 'active' AND expires_at > ? AND expires_at <= ?", from, until).Count(&n).Error
	return n, err
}

func (r rows) setJWKS(id models.ClientID, jwks string) error {
	return r.g.Exec(`UPDATE oauth_clients SET jwks = ?, jwks_uri = NULL WHERE id = ?`, jwks, id).Error
}

// live is the condition on secrets that can be used; its one argument is the time.
const live = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"

// retireSecrets ends all live secrets of a client but the newest, which expires at
// until or at its own time, whichever comes first.
func (r rows) retireSecrets(id models.ClientID, now, until time.Time) error {
	var ids []string
	err := r.g.Model(&models.ClientSecret{}).Where("client_id = ? AND "+live, id, now).
		Order("created_at DESC, id DESC").Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return err
	}
	if until.After(now) {
		err = r.g.Exec(`UPDATE client_secrets SET expires_at = ? WHERE id = ? AND (expires_at IS NULL OR expires_at > ?)`,
			until, ids[0], until).Error
		ids = ids[1:]
	}
	if err != nil || len(ids) == 0 {
		return err
	}
	return r.g.Exec(`UPDATE client_secrets SET revoked_at = ? WHERE id IN ?`, now, ids).Error
}

func (r rows) liveSecrets(id models.ClientID, now time.Time) ([]SecretOf, error) {
	var found []SecretOf
	err := r.g.Model(&models.ClientSecret{}).Select("created_at, expires_at").Where("client_id = ? AND "+live, id, now).
		Order("created_at DESC, id DESC").Scan(&found).Error
	return found, err
}

// standingRow is a client with the states of whichever owner it has.
type standingRow struct {
	models.OAuthClient `gorm:"embedded"`
	PartnerKind        *models.PartnerKind
	PartnerState       *models.PartnerState
	TenantState        *models.TenantState
	Digest             []byte // of one of its secrets, where they are asked for
}

// standingOf joins a client with its owner, so that both are as they are at one instant.
func (r rows) standingOf(id models.ClientID) *gorm.DB {
	return r.g.Table("oauth_clients AS c").
		Joins("LEFT JOIN partners p ON p.id = c.partner_id").
		Joins("LEFT JOIN tenants t ON t.id = c.tenant_id").
		Where("c.id = ?", id)
}

const standingColumns = `c.id, c.gate, c.owner_kind, c.partner_id, c.tenant_id, c.name, c.scopes, c.auth_method, c.jwks, c.jwks_uri, c.issuer, c.issuer_subject, c.tls_subject, c.profile,
	c.state, c.frozen_by, c.epoch, c.created_at, c.expires_at, c.last_used_at, c.legacy_until,
	p.kind AS partner_kind, p.state AS partner_state, t.state AS tenant_state`

func (r rows) standing(id models.ClientID) (models.ClientStanding, error) {
	var row standingRow
	if err := r.standingOf(id).Select(standingColumns).Take(&row).Error; err != nil {
		return models.ClientStanding{}, found(err, ErrClientNotFound)
	}
	return row.standing(), nil
}

// standingWithSecrets reads a client with the digests of its live secrets in one statement,
// which is the same for a client that nobody holds.
func (r rows) standingWithSecrets(id models.ClientID, now time.Time) (models.ClientStanding, [][]byte, error) {
	var all []standingRow
	err := r.standingOf(id).Select(standingColumns+", s.digest").
		Joins("LEFT JOIN client_secrets s ON s.client_id = c.id AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > ?)", now).
		Order("s.created_at DESC, s.id DESC").Find(&all).Error
	if err != nil {
		return models.ClientStanding{}, nil, err
	}
	if len(all) == 0 {
		return models.ClientStanding{}, nil, ErrClientNotFound
	}
	var digests [][]byte
	for _, row := range all {
		if row.Digest != nil {
			digests = append(digests, row.Digest)
		}
	}
	return all[0].standing(), digests, nil
}

func (row standingRow) standing() models.ClientStanding {
	standing := models.ClientStanding{Client: row.OAuthClient}
	if row.PartnerState != nil {
		standing.PartnerKind = *row.PartnerKind
		standing.OwnerSuspended = *row.PartnerState != models.PartnerActive
	}
	if row.TenantState != nil {
		standing.OwnerSuspended = *row.TenantState != models.TenantActive
	}
	return standing
}

// useOnce reports whether the row was new.
func (r rows) useOnce(used models.UsedAssertion) (bool, error) {
	done := r.g.Clauses(clause.OnConflict{DoNothing: true}).Create(&used)
	return done.RowsAffected == 1, done.Error
}

// addSource reports whether a client was not seen from there that day, while it was seen from
// fewer than so many places.
func (r rows) addSource(s models.ClientSource, most int64) (bool, error) {
	var n int64
	if err := r.g.Model(&models.ClientSource{}).Where("client_id = ? AND day = ?", s.ClientID, s.Day).Count(&n).Error; err != nil || n >= most {
		return false, err
	}
	done := r.g.Clauses(clause.OnConflict{DoNothing: true}).Create(&s)
	return done.RowsAffected == 1, done.Error
}

// forgetSources forgets from where clients came on days that are over for a day.
func (r rows) forgetSources(now time.Time, limit int) (int64, error) {
	done := r.g.Exec(`DELETE FROM client_sources WHERE (client_id, day, source, refused) IN (
		SELECT client_id, day, source, refused FROM client_sources WHERE day < ? ORDER BY day LIMIT ?)`, dayOf(now.Add(-48*time.Hour)), limit)
	return done.RowsAffected, done.Error
}

// revokeToken ends a token; ending it twice is once.
func (r rows) revokeToken(revoked models.RevokedToken) error {
	return r.g.Clauses(clause.OnConflict{DoNothing: true}).Create(&revoked).Error
}

func (r rows) revokedTokens(id models.ClientID, now time.Time) ([][]byte, error) {
	var digests [][]byte
	err := r.g.Model(&models.RevokedToken{}).Where("client_id = ? AND expires_at > ?", id, now).Pluck("id_digest", &digests).Error
	return digests, err
}

func (r rows) forgetRevoked(now time.Time, limit int) (int64, error) {
	done := r.g.Exec(`DELETE FROM revoked_tokens WHERE (client_id, id_digest) IN (
		SELECT client_id, id_digest FROM revoked_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`, now, limit)
	return done.RowsAffected, done.Error
}

func (r rows) forgetAssertions(now time.Time, limit int) (int64, error) {
	done := r.g.Exec(`DELETE FROM used_assertions WHERE (client_id, jti_digest) IN (
		SELECT client_id, jti_digest FROM used_assertions WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`, now, limit)
	return done.RowsAffected, done.Error
}

// markUsed never sets the time back: replicas write in any order.
func (r rows) markUsed(id models.ClientID, now time.Time) error {
	return r.g.Exec(`UPDATE oauth_clients SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
		now, id, now).Error
}
