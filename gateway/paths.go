package gateway

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pathFolder brings request paths into the form of the route table: runs of slashes
// become one, fixed segments compare without case, because Partner Center's clients
// write /v1//customers and both deviceBatches and DeviceBatches. What stands for a
// parameter stays as it was sent, once unescaped.
type pathFolder struct {
	bySegments map[int][][]string // templates, the ones with more fixed segments first
}

func newPathFolder(table []route) pathFolder {
	f := pathFolder{bySegments: map[int][][]string{}}
	for _, r := range table {
		template := strings.Split(r.path[1:], "/")
		f.bySegments[len(template)] = append(f.bySegments[len(template)], template)
	}
	for _, templates := range f.bySegments {
		slices.SortStableFunc(templates, func(a, b []string) int { return parameters(a) - parameters(b) })
	}
	return f
}

func parameters(template []string) (n int) {
	for _, segment := range template {
		if isParameter(segment) {
			n++
		}
	}
	return n
}

func isParameter(segment string) bool { return strings.HasPrefix(segment, "{") }

// fold returns the path to route by. A path that could mean two things to two readers
// is refused.
func (f pathFolder) fold(u *url.URL) (string, error) {
	var segments []string
	for raw := range strings.SplitSeq(u.EscapedPath(), "/") {
		if raw == "" {
			continue
		}
		segment, err := url.PathUnescape(raw)
		if err != nil || ambiguous(segment) {
			return "", errInvalidPath
		}
		segments = append(segments, segment)
	}
	for _, template := range f.bySegments[len(segments)] {
		if folded, ok := apply(template, segments); ok {
			return "/" + strings.Join(folded, "/"), nil
		}
	}
	return "/" + strings.Join(segments, "/"), nil
}

func ambiguous(segment string) bool {
	return !utf8.ValidString(segment) || strings.ContainsAny(segment, `/\`) || strings.ContainsFunc(segment, unicode.IsControl)
}

// apply fits segments to a template.
func apply(template, segments []string) ([]string, bool) {
	folded := make([]string, len(segments))
	for i, want := range template {
		switch {
		case isParameter(want):
			folded[i] = segments[i]
		case strings.EqualFold(want, segments[i]):
			folded[i] = want
		default:
			return nil, false
		}
	}
	return folded, true
}

// onPartnerCenter reports whether a folded path belongs to the Partner Center surface.
func onPartnerCenter(path string) bool {
	rest, ok := strings.CutPrefix(path, customersPath)
	return ok && (rest == "" || rest[0] == '/')
}
