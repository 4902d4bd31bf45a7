// Package baseline is the gateway as it is usually written, to measure ours against: gin's
// ShouldBindJSON, gorm's First, Find and CreateInBatches with the driver's prepared
// statements, a goroutine a dispatch. It keeps the same tables with the same indexes, stores an upload
// before it answers, decodes every hash, looks every device up by all of its keys and
// writes the same rows. It checks no token and no budget, registers new devices only, and
// survives nothing; nobody is to run it but internal/loadgen.
package baseline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"countersign/internal/db"
	"countersign/models"
	"countersign/registration"
	"countersign/registration/hardwarehash"
)

// inBatches is the size that everybody gives CreateInBatches.
const inBatches = 500

// server holds the two databases.
type server struct {
	gateway, core *db.DB
	work          chan int64 // dispatches
}

// Serve serves on a listener until ctx ends, with so many workers.
func Serve(ctx context.Context, l net.Listener, gateway, core string, workers int) error {
	s := &server{work: make(chan int64, 10_000)}
	for _, one := range []struct {
		into **db.DB
		url  string
	}{{&s.gateway, gateway}, {&s.core, core}} {
		d, err := db.Open(ctx, db.Config{URL: one.url, MaxConns: 16})
		if err != nil {
			return err
		}
		defer d.Close()
		*one.into = d
	}
	for range workers {
		go func() {
			for id := range s.work {
				if err := s.dispatch(ctx, id); err != nil && ctx.Err() == nil {
					slog.Error("baseline", "dispatch", id, "error", err)
				}
			}
		}()
	}
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.POST("/v1/customers/:tenant/deviceBatches", s.create)
	srv := &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { <-ctx.Done(); _ = srv.Close() }()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type device struct {
	SerialNumber, ProductKey, HardwareHash string
	OemManufacturerName, ModelName         string
}

type batch struct {
	BatchID string `json:"BatchId"`
	Devices []device
}

// upload_hashes has no model: its rows are bytes on the way.
type uploadHash struct {
	StagedOn time.Time `gorm:"type:date"`
	UploadID int64
	Ordinal  int
	Hash     []byte
}

func (uploadHash) TableName() string { return "upload_hashes" }

func (s *server) create(c *gin.Context) {
	var body batch
	if err := c.ShouldBindJSON(&body); err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"description": err.Error()})
		return
	}
	ctx := c.Request.Context()
	var grant models.Grant
	if err := s.gateway.Read().WithContext(ctx).Where("tenant_id = ? AND state = 'active'", c.Param("tenant")).First(&grant).Error; err != nil {
		c.JSON(http.StatusForbidden, gin.H{"description": "no consent"})
		return
	}
	up, rows, hashes, err := accepted(grant, body)
	if err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"description": err.Error()})
		return
	}
	dispatches, err := s.store(ctx, grant, body.BatchID, &up, rows, hashes)
	if err != nil {
		c.JSON(http.StatusInternalServerError, gin.H{"description": err.Error()})
		return
	}
	for _, d := range dispatches {
		s.work <- d.ID
	}
	c.Header("Location", "/customers/"+c.Param("tenant")+"/batchJobStatus/"+string(up.TrackingID))
	c.Status(http.StatusAccepted)
}

// accepted makes the rows of an upload.
func accepted(grant models.Grant, body batch) (models.Upload, []models.UploadRow, []uploadHash, error) {
	now := time.Now().UTC()
	up := models.Upload{
		TrackingID: models.TrackingID(uuid.Must(uuid.NewV7()).String()), Kind: models.UploadRegister, State: models.UploadQueued, StagedOn: now.Truncate(24 * time.Hour),
		PartnerID: grant.PartnerID, TenantID: grant.TenantID, ClientID: "baseline", GrantID: grant.ID,
		RowCount: len(body.Devices), OpenRows: len(body.Devices), CreatedAt: now, AcceptedAt: &now,
	}
	var rows []models.UploadRow
	var hashes []uploadHash
	for i, d := range body.Devices {
		_, raw, err := hardwarehash.DecodeText([]byte(d.HardwareHash))
		if err != nil {
			return up, nil, nil, fmt.Errorf("device %d: %w", i+1, err)
		}
		digest := sha256.Sum256(raw)
		rows = append(rows, models.UploadRow{Ordinal: i + 1, HashDigest: digest[:]})
		hashes = append(hashes, uploadHash{StagedOn: up.StagedOn, Ordinal: i + 1, Hash: raw})
	}
	return up, rows, hashes, nil
}

func (s *server) store(ctx context.Context, grant models.Grant, name string, up *models.Upload, rows []models.UploadRow, hashes []uploadHash) (out []models.Dispatch, err error) {
	err = s.gateway.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		g := tx.Gorm().WithContext(ctx)
		b := models.Batch{PartnerID: grant.PartnerID, TenantID: grant.TenantID, Name: name, FoldedName: name, CreatedAt: up.CreatedAt}
		if err := g.Create(&b).Error; err != nil {
			return err
		}
		up.BatchID = &b.ID
		if err := g.Create(up).Error; err != nil {
			return err
		}
		for i := range rows {
			rows[i].UploadID, hashes[i].UploadID = up.ID, up.ID
		}
		if err := g.CreateInBatches(rows, inBatches).Error; err != nil {
			return err
		}
		if err := g.CreateInBatches(hashes, inBatches).Error; err != nil {
			return err
		}
		out = nil
		for first := 1; first <= len(rows); first += models.DispatchRows {
			out = append(out, models.Dispatch{
				UploadID: up.ID, Kind: up.Kind, PartnerID: up.PartnerID, TenantID: up.TenantID, ClientID: up.ClientID, GrantID: up.GrantID, GrantEpoch: 1,
				FirstOrdinal: first, LastOrdinal: min(first+models.DispatchRows-1, len(rows)), State: models.DispatchReady, RunAt: up.CreatedAt, CreatedAt: up.CreatedAt,
			})
		}
		return g.Create(&out).Error
	})
	return out, err
}

// dispatch registers the devices of one dispatch.
func (s *server) dispatch(ctx context.Context, id int64) error {
	g := s.gateway.Read().WithContext(ctx)
	var d models.Dispatch
	var up models.Upload
	var hashes []uploadHash
	if err := g.First(&d, id).Error; err != nil {
		return err
	}
	if err := g.First(&up, d.UploadID).Error; err != nil {
		return err
	}
	if err := g.Where("staged_on = ? AND upload_id = ? AND ordinal BETWEEN ? AND ?", up.StagedOn, up.ID, d.FirstOrdinal, d.LastOrdinal).Order("ordinal").Find(&hashes).Error; err != nil {
		return err
	}
	devices, err := s.register(ctx, up, hashes)
	if err != nil {
		return err
	}
	return s.settle(ctx, d, devices)
}

// made are the rows of new devices.
type made struct {
	identities    []models.Identity
	hashes        []models.IdentityHash
	keys          []models.IdentityKey
	anchors       []models.RegistrationAnchor
	registrations []models.Registration
	events        []models.DeviceEvent
	answers       []models.StoredAnswer
}

func (s *server) register(ctx context.Context, up models.Upload, hashes []uploadHash) ([]models.Registration, error) {
	var m made
	err := s.core.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		g := tx.Gorm().WithContext(ctx)
		var first int64
		if err := g.Raw("UPDATE id_series SET next_id = next_id + ? WHERE name = 'identities' RETURNING next_id - ?", len(hashes), len(hashes)).Scan(&first).Error; err != nil {
			return err
		}
		var err error
		if m, err = makeRows(up, first, hashes); err != nil {
			return err
		}
		keys := make([]int64, len(m.keys))
		for i, k := range m.keys {
			keys[i] = k.Key
		}
		var known []models.IdentityKey
		if err := g.Where("key IN ?", keys).Find(&known).Error; err != nil {
			return err
		}
		for _, rows := range []any{m.identities, m.hashes, m.keys, m.anchors, m.registrations, m.events, m.answers} {
			if err := g.CreateInBatches(rows, inBatches).Error; err != nil {
				return err
			}
		}
		return nil
	})
	return m.registrations, err
}

func makeRows(up models.Upload, first int64, hashes []uploadHash) (m made, err error) {
	now := time.Now().UTC()
	for i, h := range hashes {
		report, err := hardwarehash.Decode(h.Hash)
		if err != nil {
			return m, err
		}
		id, digest := report.Identity(), sha256.Sum256(h.Hash)
		n, deviceID := first+int64(i), models.DeviceID(uuid.Must(uuid.NewV7()).String())
		m.identities = append(m.identities, models.Identity{
			ID: n, EKDigest: id.EK[:], SMBIOSUUID: id.UUID[:], Manufacturer: id.Manufacturer, Product: id.Product, Serial: id.Serial,
			ProductKey: id.ProductKeyID, CreatedAt: now, CapturedAt: now,
		})
		m.hashes = append(m.hashes, models.IdentityHash{IdentityID: n, Digest: digest[:], Hash: h.Hash})
		for _, key := range registration.IndexKeys(id) {
			m.keys = append(m.keys, models.IdentityKey{Key: key, IdentityID: n})
		}
		for kind, key := range map[string][]byte{"E": id.EK[:], "U": id.UUID[:], "S": []byte(id.Manufacturer + id.Product + id.Serial)} {
			if len(key) > 0 {
				m.anchors = append(m.anchors, models.RegistrationAnchor{Kind: kind, Key: key, IdentityID: n})
			}
		}
		m.registrations = append(m.registrations, models.Registration{
			ID: deviceID, IdentityID: n, TenantID: up.TenantID, State: models.RegistrationActive, Authority: models.ByGrant,
			PartnerID: up.PartnerID, ClientID: up.ClientID, GrantID: up.GrantID, TrackingID: up.TrackingID, Ordinal: h.Ordinal, RegisteredAt: now,
		})
		m.events = append(m.events, models.DeviceEvent{
			IdentityID: n, DeviceID: deviceID, Kind: models.DeviceRegistered, TenantID: up.TenantID, PartnerID: up.PartnerID,
			ClientID: up.ClientID, GrantID: up.GrantID, TrackingID: up.TrackingID, Ordinal: h.Ordinal, At: now,
		})
		m.answers = append(m.answers, models.StoredAnswer{TrackingID: up.TrackingID, Ordinal: h.Ordinal, DeviceID: deviceID, AnsweredAt: now})
	}
	return m, nil
}

// settle writes the outcome of each row, one after the other as gorm's users do.
func (s *server) settle(ctx context.Context, d models.Dispatch, devices []models.Registration) error {
	return s.gateway.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		g := tx.Gorm().WithContext(ctx)
		now := time.Now().UTC()
		for _, r := range devices {
			err := g.Model(&models.UploadRow{}).Where("upload_id = ? AND ordinal = ?", d.UploadID, r.Ordinal).
				Updates(map[string]any{"settled_at": now, "device_id": r.ID}).Error
			if err != nil {
				return err
			}
		}
		if err := g.Where("upload_id = ? AND ordinal BETWEEN ? AND ?", d.UploadID, d.FirstOrdinal, d.LastOrdinal).Delete(&uploadHash{}).Error; err != nil {
			return err
		}
		if err := g.Model(&d).Updates(map[string]any{"state": models.DispatchDone, "done_at": now}).Error; err != nil {
			return err
		}
		return g.Exec(`UPDATE uploads SET open_rows = open_rows - ?, state = CASE WHEN open_rows = ? THEN 'finished' ELSE 'processing' END,
			started_at = coalesce(started_at, ?), completed_at = CASE WHEN open_rows = ? THEN ?::timestamptz END WHERE id = ?`,
			len(devices), len(devices), now, len(devices), now, d.UploadID).Error
	})
}
