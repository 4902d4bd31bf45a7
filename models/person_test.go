package models_test

import (
	"testing"

	"countersign/models"
)

// E1: a role nobody knows is neither written nor read, so it can decide nothing.
func TestPersonRoleRefusesTheUnknown(t *testing.T) {
	for text, valid := range map[string]bool{"admin": true, "approver": true, "": false, "Admin": false, "operator": false} {
		role := models.PersonRole(text)
		_, err := role.Value()
		if (err == nil) != valid {
			t.Errorf("writing %q: %v", text, err)
		}
		var read models.PersonRole
		if err := read.Scan(text); (err == nil) != valid {
			t.Errorf("reading %q: %v", text, err)
		}
	}
}
