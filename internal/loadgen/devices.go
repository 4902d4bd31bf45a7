package loadgen

import (
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"countersign/models"
	"countersign/registration/hardwarehash"
)

// A store is filled line by line. A line is a seed of the generator: one maker's
// production run with serials, disks and adapters of its own. Lines from freshLines
// on are in no store until they are registered.
const (
	lineLength = 10_000
	freshLines = 1 << 32
)

// shape is what stands behind the inventory of a hash.
type shape string

// The shapes. Real hashes are padded with zeros, which are cut before they are
// stored; the other one is the worst case, of which no byte can be saved.
const (
	padded shape = "padded"
	random shape = "random"
)

// capture returns the 3000 bytes of a device's hash, zeros at the end cut.
func (s shape) capture(d hardwarehash.Device) []byte {
	raw := d.Report.Encode()
	used := hardwarehash.Trim(raw)
	if s == random {
		raw = append(slices.Clone(used), make([]byte, hardwarehash.StandardRaw-len(used))...)
		_, _ = rand.Read(raw[len(used):])
		raw[len(raw)-1] |= 1 // the last byte stays
		return raw
	}
	return used
}

// uploads make submissions of one partner for one tenant, all epochs 1.
func submission(tenant int, rows []models.CoreRow) models.Submission {
	partner := models.PartnerID(stableID("partner", tenant%20))
	a := models.Authority{
		Kind: models.ByGrant, PartnerID: partner, ClientID: models.ClientID("p-" + string(partner)[:8]),
		TenantID: models.TenantID(stableID("tenant", tenant)), GrantID: models.GrantID(stableID("grant", tenant)),
		NotAfter: time.Now().Add(time.Hour),
	}
	a.Epochs = []models.SubjectEpoch{
		{Kind: models.SubjectOfPartner, ID: string(a.PartnerID), Epoch: 1},
		{Kind: models.SubjectOfClient, ID: string(a.ClientID), Epoch: 1},
		{Kind: models.SubjectOfTenant, ID: string(a.TenantID), Epoch: 1},
		{Kind: models.SubjectOfGrant, ID: string(a.GrantID), Epoch: 1},
	}
	return models.Submission{Upload: models.TrackingID(newID()), Authority: a, Rows: rows}
}

// stableID is an id as the gateway makes them, the same in every run.
func stableID(kind string, n int) string {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s %d", kind, n)).String()
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// fresh makes a dispatch of n devices of a line that was never seen.
func (r *run) fresh(n int, s shape) []models.CoreRow {
	g := hardwarehash.NewGenerator(r.seed)
	r.seed++
	rows := make([]models.CoreRow, n)
	for i := range rows {
		rows[i] = models.CoreRow{Row: i + 1, Identity: models.DeviceIdentity{Hash: s.capture(g.Next())}}
	}
	return rows
}

// stored makes rows of devices that a store holds: n neighbours on a line.
func stored(line uint64, from, n int) []models.CoreRow {
	g := hardwarehash.NewGenerator(line)
	for range from {
		g.NextIdentity()
	}
	rows := make([]models.CoreRow, n)
	for i := range rows {
		rows[i] = models.CoreRow{Identity: models.DeviceIdentity{Hash: padded.capture(g.Next())}}
	}
	return rows
}
