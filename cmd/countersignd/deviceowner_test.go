package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/gateway/intake"
	"countersign/registration/hardwarehash"
)

func TestAdmin_deviceOwner(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		in.grant()
		device := hardwarehash.NewGenerator(41).Next()
		in.mustSubmit("one", []intake.Row{{HardwareHash: device.Hash()}})
		in.work()
		var view ownerView
		in.operate(&view, "device.owner", ownerInput{hardwarehash.Trim(device.Report.Encode())})
		if !view.Registered || view.TenantID != in.tenant || view.DeviceID == "" {
			t.Errorf("%+v", view)
		}
	})
}

// The command reads a capture; one that nobody registered is nobody's.
func TestAdmin_deviceOwnerOfAFile(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	file := filepath.Join(dir, "device.txt")
	if err := os.WriteFile(file, []byte(hardwarehash.NewGenerator(42).Next().Hash()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errOut, code := command(t, dir, "admin", "device", "owner", file, "-o", "json"); code != 0 || strings.TrimSpace(out) != `{"registered":false}` {
		t.Errorf("code %d: %s%s", code, out, errOut)
	}
	if err := os.WriteFile(file, []byte("no hash"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errOut, code := command(t, dir, "admin", "device", "owner", file); code != 1 || !strings.Contains(errOut, "device.txt") {
		t.Errorf("code %d: %s", code, errOut)
	}
}
