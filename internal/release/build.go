package release

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Platform is an operating system and a processor as Go names them.
type Platform struct{ OS, Arch string }

// Platforms are those we publish for.
func Platforms() []Platform {
	return []Platform{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"}}
}

// String is the platform as it stands in the name of an archive.
func (p Platform) String() string { return p.OS + "-" + p.Arch }

// BuildArgs are the arguments of go for a release build of packages into the folder out.
// Paths of the building machine and the state of its working copy stay out of the bytes.
func BuildArgs(version, out string, packages ...string) []string {
	return append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.releaseVersion=" + version, "-o", out}, packages...)
}

// build compiles the programs for a platform into a folder.
func build(ctx context.Context, root, version, out string, p Platform) error {
	// The slash at the end tells go that out is a folder.
	cmd := exec.CommandContext(ctx, "go", BuildArgs(version, out+string(filepath.Separator), "./cmd/countersign", "./cmd/countersignd", "./cmd/registrard")...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", p, err, strings.TrimSpace(string(text)))
	}
	return nil
}
