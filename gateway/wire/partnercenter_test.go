package wire_test

import (
	"strings"
	"testing"
	"time"

	"countersign/gateway/wire"
)

func TestTime_isPartnerCenters(t *testing.T) {
	t.Parallel()
	at := time.Date(2031, 2, 3, 19, 1, 10, 987_654_000, time.FixedZone("", 9*3600))
	if got := wire.TimeOf(&at); got != "2031-02-03T10:01:10" {
		t.Errorf("got %s", got)
	}
	if got := wire.TimeOf(nil); got != "0001-01-01T00:00:00" {
		t.Errorf("an unset time is %s", got)
	}
}

func TestShorten_countsCharacters(t *testing.T) {
	t.Parallel()
	if got := wire.Shorten(strings.Repeat("é", 1024)); got != strings.Repeat("é", 1024) {
		t.Error("1024 characters were cut")
	}
	if got := []rune(wire.Shorten(strings.Repeat("é", 1025))); len(got) != 1024 || got[1023] != '…' {
		t.Errorf("1025 characters became %d", len(got))
	}
}
