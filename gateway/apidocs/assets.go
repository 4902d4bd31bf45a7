package apidocs

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
)

//go:embed assets swagger-ui/swagger-ui-bundle.js swagger-ui/swagger-ui.css
var files embed.FS

// AssetPath is where the files of the pages are served.
const AssetPath = "/docs/assets/"

// Asset is a file that a page loads. Its public name holds a digest of its bytes, so that
// a browser may keep it for ever.
type Asset struct {
	Name        string // as in the address, such as pages.1f0c9a7e62d4.css
	ContentType string
	ETag        string
	Body        []byte
}

// FindAsset returns the file that is served by a name. There are no others: nothing is
// looked up on a disk.
func FindAsset(name string) (Asset, bool) {
	a, ok := published[name]
	return a, ok
}

var (
	published = map[string]Asset{} // by public name
	addresses = map[string]string{}
)

func init() {
	for _, file := range []string{"assets/pages.css", "assets/start.js", "swagger-ui/swagger-ui.css", "swagger-ui/swagger-ui-bundle.js"} {
		body, err := files.ReadFile(file)
		if err != nil {
			panic(err) // the list above is not what is embedded
		}
		publish(path.Base(file), body)
	}
}

func publish(name string, body []byte) {
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:6])
	ext := path.Ext(name)
	a := Asset{
		Name:        strings.TrimSuffix(name, ext) + "." + digest + ext,
		ContentType: contentTypes[ext], ETag: `"` + digest + `"`, Body: body,
	}
	published[a.Name], addresses[name] = a, AssetPath+a.Name
}

// contentTypes name the charset: without it Swagger UI's script is a syntax error.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
}

// address is where a page finds a file.
func address(name string) (string, error) {
	a, ok := addresses[name]
	if !ok {
		return "", fmt.Errorf("no file %s is embedded", name)
	}
	return a, nil
}
