package portal

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"countersign/models"
)

//go:embed templates/*.html
var templateFiles embed.FS

// pages are the parsed templates, each with the frame and the parts around it.
type pages struct{ byName map[string]*template.Template }

// loadPages reads every template. Those whose name begins with an underscore are parts.
func loadPages(a *assets) (*pages, error) {
	funcs := template.FuncMap{
		"asset": a.address, "icon": a.icon, "fields": strings.Fields, "part": newPart,
		"deref": func(n *int64) int64 { return *n },
		"when":  func(t *time.Time) time.Time { return *t },
		"scope": scopeKey,
		"list":  func(values ...any) []any { return values },
	}
	frame, err := template.New("frame").Funcs(funcs).Option("missingkey=error").ParseFS(templateFiles, "templates/_*.html")
	if err != nil {
		return nil, err
	}
	entries, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	p := &pages{byName: map[string]*template.Template{}}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), ".html")
		if !ok || strings.HasPrefix(name, "_") {
			continue
		}
		page, err := frame.Clone()
		if err != nil {
			return nil, err
		}
		if p.byName[name], err = page.ParseFS(templateFiles, "templates/"+entry.Name()); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// part is what a part of a page is given: the page, and the one thing it is about.
type part struct {
	*page
	It any
}

func newPart(p any, it any) (part, error) {
	switch p := p.(type) {
	case *page:
		return part{p, it}, nil
	case part:
		return part{p.page, it}, nil
	}
	return part{}, fmt.Errorf("a part of %T", p)
}

// page is what a template is given.
type page struct {
	*visit
	Title  string
	Name   string // of the template
	Data   any
	Notice string // what has just been done
	Tenant *tenantLine
}

// tenantLine says in whose name everything on the page happens.
type tenantLine struct{ Name, Domain, ID string }

// show writes a page. Nothing is sent before the whole of it is there.
func (v *visit) show(status int, name, title string, data any) {
	p := &page{visit: v, Title: title, Name: name, Data: data, Notice: v.notice()}
	if v.session != nil {
		p.Tenant = v.tenantLine(v.session.Person.TenantID)
	}
	var out bytes.Buffer
	t, ok := v.pages.byName[name]
	if !ok {
		panic(fmt.Errorf("no page %s", name))
	}
	if err := t.ExecuteTemplate(&out, "frame", p); err != nil {
		panic(fmt.Errorf("page %s: %w", name, err))
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang())
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	v.writeStatus(status)
	if v.r.Method != http.MethodHead {
		_, _ = v.w.Write(out.Bytes()) // a reader that is gone reads nothing
	}
}

// tenantLine reads name and first domain; a page is still a page without them.
func (v *visit) tenantLine(id models.TenantID) *tenantLine {
	line := &tenantLine{ID: string(id)}
	tenant, err := v.Directory.Tenant(v.r.Context(), id)
	if err != nil {
		return line
	}
	line.Name = tenant.Name
	if len(tenant.Domains) > 0 {
		line.Domain = tenant.Domains[0]
	}
	return line
}

// Person is who is signed in; nil before.
func (p *page) Person() *models.Person {
	if p.session == nil {
		return nil
	}
	return &p.session.Person
}

// Admin reports whether the person may change the set-up.
func (p *page) Admin() bool { return p.session != nil && p.session.Person.Role == models.PersonAdmin }

// Here reports whether the page belongs to a part of the navigation.
func (p *page) Here(section string) bool { return p.route.section == section }

// Self is the address of this page, to come back to after a choice; on the page of choices
// it is the one that led there.
func (p *page) Self() string {
	switch {
	case p.r.Method != http.MethodGet || p.route.path == "":
		return homePath
	case p.route.path == preferencesPath:
		return p.cameFrom()
	}
	return p.r.URL.RequestURI()
}

// Languages are the others in which the page can be read.
func (p *page) Languages() (others []reader) {
	for _, c := range p.words.all {
		if c != p.catalog {
			others = append(others, reader{catalog: c, zone: p.zone, now: p.now})
		}
	}
	return others
}

// Fresh reports whether the sign-in is recent and strong enough to give a permission.
func (p *page) Fresh() bool { return p.session != nil && p.session.Fresh }

// Staying reports whether the reader asked the page not to look again by itself.
func (p *page) Staying() bool { return p.r.URL.Query().Get("stay") != "" }
