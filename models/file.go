package models

import "time"

// FileID names an upload that arrives in parts.
type FileID string

// PartialFile is an upload that arrives in parts, over as many connections as it takes,
// and becomes an upload when all of it is there.
type PartialFile struct {
	ID        FileID    `gorm:"primaryKey"`
	PartnerID PartnerID // empty when the tenant itself sends it
	TenantID  TenantID
	ClientID  ClientID
	Call      string // JSON of the call that the whole file is accepted as
	Media     string // its content type
	Length    int64  // bytes it will have
	Received  int64  // bytes that are there
	CreatedAt time.Time
	ExpiresAt time.Time // it is forgotten when nothing came until then

	TrackingID TrackingID // the upload it became; empty before
	Location   string     // of that upload's status
}

// FilePart is a piece of a PartialFile.
type FilePart struct {
	FileID   FileID `gorm:"primaryKey"`
	Position int64  `gorm:"primaryKey;autoIncrement:false"` // of its first byte
	Bytes    []byte
}
