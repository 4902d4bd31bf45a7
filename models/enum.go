package models

import (
	"database/sql/driver"
	"fmt"
)

// State names are strings in the database, so that a row can be read by a
// person, and are refused on the way in and on the way out when unknown: a state
// written by a newer version must stop an older one, not be taken for another.

func enumValue[T ~string](v T, valid bool) (driver.Value, error) {
	if !valid {
		return nil, fmt.Errorf("models: %q is not a valid %T", string(v), v)
	}
	return string(v), nil
}

func enumScan[T ~string](dst *T, src any, valid func(T) bool) error {
	var text string
	switch s := src.(type) {
	case string:
		text = s
	case []byte:
		text = string(s)
	default:
		return fmt.Errorf("models: cannot read %T into %T", src, *dst)
	}
	if !valid(T(text)) {
		return fmt.Errorf("models: %q is not a valid %T", text, *dst)
	}
	*dst = T(text)
	return nil
}
