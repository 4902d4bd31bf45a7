package models

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// TextList is a list of texts in one column, as a JSON array. nil is NULL.
type TextList []string

// Value writes the list.
func (l TextList) Value() (driver.Value, error) {
	if l == nil {
		return nil, nil
	}
	text, err := json.Marshal([]string(l))
	return string(text), err
}

// Scan reads the list.
func (l *TextList) Scan(src any) error {
	var text []byte
	switch s := src.(type) {
	case nil:
		*l = nil
		return nil
	case string:
		text = []byte(s)
	case []byte:
		text = s
	default:
		return fmt.Errorf("models: cannot read %T into a list of texts", src)
	}
	var list []string
	if err := json.Unmarshal(text, &list); err != nil {
		return fmt.Errorf("models: a list of texts is unreadable: %w", err)
	}
	*l = list
	return nil
}

// GormDataType tells gorm's schema that the column is text.
func (TextList) GormDataType() string { return "text" }
