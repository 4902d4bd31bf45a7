package reportbook

// Ledger says how far each file of a folder is reported to one target.
type Ledger struct {
	done map[string]state
}

type state struct {
	digest  string
	next    int // the first key that is not reported
	of      int
	pending bool           // some of it is not accepted yet
	by      map[int]*Group // by the first key of each part
}

// Ledger reads the reports to a target.
func (b *Book) Ledger(t Target) *Ledger {
	l := &Ledger{done: map[string]state{}}
	for _, g := range b.Groups(t) {
		l.Add(g)
	}
	return l
}

// Add counts a report in.
func (l *Ledger) Add(g *Group) {
	for _, p := range g.Parts {
		s := l.done[p.File]
		if s.digest != p.Digest || p.First == 0 {
			s = state{digest: p.Digest, by: map[int]*Group{}}
		}
		s.next, s.of, s.pending = p.First+p.Keys, p.Of, s.pending || g.TrackingID == ""
		s.by[p.First] = g
		l.done[p.File] = s
	}
}

// Next is the first key of a file with these bytes that is not reported yet; whole
// says that there is none.
func (l *Ledger) Next(file, digest string) (next int, whole bool) {
	s := l.done[file]
	if s.digest != digest {
		return 0, false
	}
	return s.next, s.next >= s.of
}

// Pending reports a file of which something waits to be accepted.
func (l *Ledger) Pending(file string) bool { return l.done[file].pending }

// Latest reports whether no later report has replaced this part of one.
func (l *Ledger) Latest(g *Group, p Part) bool {
	s := l.done[p.File]
	return s.digest == p.Digest && s.by[p.First] == g
}
