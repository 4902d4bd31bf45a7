package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"countersign/gateway/intake"
	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// Limits of files.
const (
	MaxLength = 8 << 30        // bytes of a file
	KeptFor   = 24 * time.Hour // since its last piece
	MostOpen  = 20             // of one owner, that are not whole yet

	piece = 1 << 20 // bytes of one transaction
	// overlap is what of a piece is looked through again with the next one: a product key
	// with dashes of several bytes each is shorter.
	overlap   = 64
	sweepStep = 100
)

// The refusals of this package, matched by errors.Is.
var (
	ErrNotFound = errs.New(errs.NotFound, "file_not_found", "There is no such file among those you may see. It may have been forgotten, because nothing came for a day.")
	ErrOffset   = errs.New(errs.Conflict, "upload_offset", "The file has another number of bytes.")
	ErrLength   = errs.New(errs.Invalid, "file_length", "The length of the file cannot be taken.")
	ErrTooMany  = errs.New(errs.Conflict, "too_many_files", "As many files are open as may be.")
	ErrSecret   = errs.New(errs.Invalid, "product_key_secret", "The file holds a 5x5 product key.")
)

// Service keeps files. It is safe for concurrent use and holds nothing.
type Service struct {
	store *store
	newID func() string
}

// New makes a Service; newID makes UUIDs.
func New(d *db.DB, newID func() string) *Service { return &Service{store: &store{d}, newID: newID} }

// Owner says whose files are meant: a partner's, or a tenant's own.
type Owner struct {
	Partner models.PartnerID
	Tenant  models.TenantID // counts without a partner
}

// OwnerOf is the owner of a file that a caller makes.
func OwnerOf(call intake.Call) Owner {
	if call.PartnerID != "" {
		return Owner{Partner: call.PartnerID}
	}
	return Owner{Tenant: call.Tenant}
}

// Create begins a file of so many bytes, which is accepted as the call once it is whole.
func (s *Service) Create(ctx context.Context, call intake.Call, media string, length int64) (models.PartialFile, error) {
	if length <= 0 || length > MaxLength {
		return models.PartialFile{}, ErrLength.WithDetail("A file has 1 to %d bytes; this one would have %d.", int64(MaxLength), length)
	}
	owner := OwnerOf(call)
	open, err := s.store.open(ctx, owner)
	if err != nil {
		return models.PartialFile{}, err
	}
	if open >= MostOpen {
		return models.PartialFile{}, ErrTooMany.WithDetail("%d files are open and not whole. Finish them, or delete those that are not wanted any more.", open)
	}
	text, err := json.Marshal(call)
	if err != nil {
		return models.PartialFile{}, err
	}
	now, err := s.store.db.Now(ctx)
	if err != nil {
		return models.PartialFile{}, err
	}
	f := models.PartialFile{
		ID: models.FileID(s.newID()), PartnerID: call.PartnerID, TenantID: call.Tenant, ClientID: call.ClientID, Call: string(text), Media: media,
		Length: length, CreatedAt: now, ExpiresAt: now.Add(KeptFor),
	}
	return f, s.store.create(ctx, &f)
}

// File returns a file of an owner, or ErrNotFound.
func (s *Service) File(ctx context.Context, owner Owner, id models.FileID) (models.PartialFile, error) {
	f, err := s.store.file(ctx, owner, id)
	if err != nil {
		return models.PartialFile{}, err
	}
	if f == nil {
		return models.PartialFile{}, ErrNotFound
	}
	return *f, nil
}

// Append adds what a body holds from an offset on. What came before an error stays, and the
// file that is returned says how much that is.
func (s *Service) Append(ctx context.Context, owner Owner, id models.FileID, offset int64, body io.Reader) (models.PartialFile, error) {
	f, err := s.File(ctx, owner, id)
	if err != nil {
		return f, err
	}
	if f.Received != offset || f.TrackingID != "" {
		return f, atOffset(f)
	}
	tail, err := s.store.tail(ctx, f)
	if err != nil {
		return f, err
	}
	// One byte more than fits shows a body that is too long.
	in := io.LimitReader(body, f.Length-offset+1)
	buf := make([]byte, overlap+piece)
	for {
		kept := copy(buf, tail)
		n, err := io.ReadFull(in, buf[kept:])
		if f.Received+int64(n) > f.Length {
			return f, ErrLength.WithDetail("The file was announced with %d bytes, and more came. The last %d bytes of it are still to be sent.", f.Length, f.Length-f.Received)
		}
		if n > 0 {
			if failed := s.keep(ctx, &f, buf[:kept+n], kept); failed != nil {
				return f, failed
			}
			tail = append(tail[:0], buf[max(0, kept+n-overlap):kept+n]...)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return f, nil
		case err != nil:
			return f, err
		}
	}
}

// keep stores the part of a text behind what was stored before.
func (s *Service) keep(ctx context.Context, f *models.PartialFile, text []byte, before int) error {
	if intake.HoldsDashedKey(string(text)) {
		if err := s.store.remove(context.WithoutCancel(ctx), *f); err != nil {
			return err
		}
		return ErrSecret.WithDetail("The file holds a 5x5 product key between its bytes %d and %d. It is a secret: the file was forgotten. Leave the keys out and send it as a new one.",
			f.Received-int64(before), f.Received+int64(len(text)-before))
	}
	kept, err := s.store.add(ctx, f, text[before:])
	if err != nil {
		return err
	}
	if !kept {
		return ErrOffset.WithDetail("The file was changed by another call meanwhile. Ask how many bytes are there, and go on from there.")
	}
	return nil
}

func atOffset(f models.PartialFile) error {
	if f.TrackingID != "" {
		return ErrOffset.WithDetail("The file is whole and became upload %s.", f.TrackingID)
	}
	return ErrOffset.WithDetail("%d bytes of the file are there. Go on from there.", f.Received)
}

// Whole returns what a whole file is accepted as, and its bytes. The call has a key of its
// own, so that the file becomes one upload however often that is tried.
func (s *Service) Whole(ctx context.Context, f models.PartialFile) (intake.Call, io.Reader, error) {
	var call intake.Call
	if err := json.Unmarshal([]byte(f.Call), &call); err != nil {
		return call, nil, fmt.Errorf("file %s: %w", f.ID, err)
	}
	call.Key = "file:" + string(f.ID)
	return call, &reader{ctx: ctx, store: s.store, file: f}, nil
}

// Became notes what a whole file was accepted as, and forgets its bytes.
func (s *Service) Became(ctx context.Context, f models.PartialFile, a intake.Accepted) error {
	if err := s.store.became(ctx, f, a); err != nil {
		return err
	}
	return s.store.removeParts(ctx, f.ID)
}

// Remove forgets a file; an upload that it became stays.
func (s *Service) Remove(ctx context.Context, owner Owner, id models.FileID) error {
	f, err := s.File(ctx, owner, id)
	if err != nil {
		return err
	}
	return s.store.remove(ctx, f)
}

// Sweep forgets files to which nothing came for long, a few at a time.
func (s *Service) Sweep(ctx context.Context) error {
	now, err := s.store.db.Now(ctx)
	if err != nil {
		return err
	}
	for {
		old, err := s.store.expired(ctx, now, sweepStep)
		if err != nil || len(old) == 0 {
			return err
		}
		for _, f := range old {
			if err := s.store.remove(ctx, f); err != nil {
				return err
			}
		}
	}
}

// reader reads a file piece by piece.
type reader struct {
	ctx   context.Context
	store *store
	file  models.PartialFile
	at    int64
	rest  []byte
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.at >= r.file.Received {
			return 0, io.EOF
		}
		part, err := r.store.part(r.ctx, r.file.ID, r.at)
		if err != nil {
			return 0, err
		}
		if len(part) == 0 {
			return 0, fmt.Errorf("file %s has no part at %d", r.file.ID, r.at)
		}
		r.rest = part
		r.at += int64(len(part))
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
