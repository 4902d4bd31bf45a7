package models

import (
	"database/sql/driver"
	"time"
)

// NoticeState is the life of a mail in the outbox.
type NoticeState string

// The values of NoticeState.
const (
	NoticeReady NoticeState = "ready" // due at RunAt, or being sent until then
	NoticeSent  NoticeState = "sent"
	NoticeDead  NoticeState = "dead" // refused for good, or too old
)

// Valid reports whether the value is one of the above.
func (v NoticeState) Valid() bool {
	return v == NoticeReady || v == NoticeSent || v == NoticeDead
}

// Value refuses to write an unknown value.
func (v NoticeState) Value() (driver.Value, error) { return enumValue(v, v.Valid()) }

// Scan refuses to read an unknown value.
func (v *NoticeState) Scan(src any) error { return enumScan(v, src, NoticeState.Valid) }

// Notice is one mail to one person. Once it is done, what was in it and for whom is gone.
type Notice struct {
	ID        string `gorm:"primaryKey"` // left of the @ of its Message-ID
	Occasion  string // what it tells and to whom; one mail for each
	Recipient string
	Subject   string
	Body      string
	State     NoticeState
	Attempts  int
	RunAt     time.Time
	CreatedAt time.Time
	DoneAt    *time.Time
}

// NoticeCursor is how far the mails of a source are written.
type NoticeCursor struct {
	Name string `gorm:"primaryKey"`
	Seq  int64
}
