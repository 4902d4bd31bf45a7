package portal

import (
	"net/http"
	"net/url"
	"slices"
	"time"
	_ "time/tzdata" // a server may have none, and readers have theirs
)

// zones are the time zones that are offered.
var zones = []string{
	"UTC", "Africa/Cairo", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "America/Anchorage", "America/Bogota", "America/Chicago",
	"America/Denver", "America/Halifax", "America/Los_Angeles", "America/Mexico_City", "America/New_York",
	"America/Sao_Paulo", "America/Toronto", "Asia/Bangkok", "Asia/Dubai", "Asia/Hong_Kong", "Asia/Jakarta", "Asia/Karachi",
	"Asia/Kolkata", "Asia/Manila", "Asia/Riyadh", "Asia/Seoul", "Asia/Shanghai", "Asia/Singapore", "Asia/Taipei", "Asia/Tokyo",
	"Australia/Brisbane", "Australia/Perth", "Australia/Sydney", "Europe/Amsterdam", "Europe/Athens", "Europe/Berlin",
	"Europe/Istanbul", "Europe/Lisbon", "Europe/London", "Europe/Madrid", "Europe/Paris", "Europe/Rome", "Europe/Stockholm",
	"Europe/Vienna", "Europe/Warsaw", "Europe/Zurich", "Pacific/Auckland", "Pacific/Honolulu",
}

// readerOf finds out the language and time zone of a reader. No browser says its time
// zone without a script, so it is UTC until the reader picks one.
func (s *server) readerOf(r *http.Request, now time.Time) reader {
	picked := ""
	if c, err := r.Cookie(s.cookieName(languageCookie)); err == nil {
		picked = c.Value
	}
	zone := time.UTC
	if c, err := r.Cookie(s.cookieName(zoneCookie)); err == nil {
		if name, err := url.QueryUnescape(c.Value); err == nil && slices.Contains(zones, name) {
			if loaded, err := time.LoadLocation(name); err == nil {
				zone = loaded
			}
		}
	}
	return reader{catalog: s.words.choose(picked, r.Header.Get("Accept-Language")), zone: zone, now: now}
}

// preferencesForm offers languages and time zones.
type preferencesForm struct {
	All   []reader
	Zones []string
	To    string
}

func (v *visit) preferences() error {
	form := preferencesForm{Zones: zones}
	for _, c := range v.words.all {
		form.All = append(form.All, reader{catalog: c, zone: v.zone, now: v.now})
	}
	form.To = v.cameFrom()
	v.show(http.StatusOK, "preferences", v.T("preferences.title"), form)
	return nil
}

// cameFrom is the page of ours that led to the choices; empty if none did.
func (v *visit) cameFrom() string {
	if to := v.r.URL.Query().Get("to"); v.ownPage(to) || to == signInPath {
		return to
	}
	return ""
}

// setPreferences remembers choices in the browser and nowhere else.
func (v *visit) setPreferences() error {
	if picked := v.field("language"); slices.ContainsFunc(v.words.all, func(c *catalog) bool { return c.tag.String() == picked }) {
		v.setCookie(languageCookie, picked, choiceLifetime)
	}
	if picked := v.field("zone"); slices.Contains(zones, picked) {
		v.setCookie(zoneCookie, url.QueryEscape(picked), choiceLifetime)
	}
	to := v.field("to")
	if !v.ownPage(to) {
		to = signInPath
		if v.session != nil {
			to = requestPath
		}
	}
	v.redirect(to)
	return nil
}
