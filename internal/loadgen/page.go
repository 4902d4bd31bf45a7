package loadgen

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const pageHead = `# Performance

Written by ` + "`make bench`" + `. Every figure but R1, P8 and the second of P5 is a ratio between two things that ran in turns, in one run on one machine, and the
median of the rounds; absolute speeds say more about the machine and its neighbours. The server is PostgreSQL with fsync,
full_page_writes, synchronous_commit and autovacuum on, 2 GB of shared buffers; a checkpoint comes before each timed write.
Stores are filled with invented devices through the core's own code, seven keys and three anchors a device. Real hashes are
padded with zeros, which are cut before they are stored; random ones have no byte that could be saved.

`

const pageTable = "| Figure | Measured | Goal | What |\n|---|---:|---:|---|\n"

const pageTail = `## What binds first

Matching needs the index of look-up keys in memory, some 210 bytes a device, 1.1 GB at five million: straight after filling the store, with
most of it on disk, C2 was 4.7 and not 1.3. Give PostgreSQL shared buffers for it.

Registering a new device writes 15 rows and 20 index entries and looks 7 keys up. Of the time that PostgreSQL spends on it, the look-up
keys take three tenths, the anchors two, the registration with its four indexes 1.5, finding candidates 1.3, the hash, the identity,
history and answer the rest; most of each is descending B-trees, so the number of entries counts and hardly their width. The
indexes behind the lists of devices (serial, partner, group tag) cost less than the noise of the measurement, at most 7 % together.
A dispatch takes some twenty round trips, which are short until the machine is busy; the clock is read twice, and stored answers,
fences and clock could be read at once. Of the program's own time a quarter goes into decoding hashes, a fifth into verdicts, a fifth into rows for COPY.

Of accepting (P1), the server's own 15 µs a device go into JSON (a quarter), SHA-256 of body, hash and trailer (a fifth), base64 and
records of the hash (a fifth), rows for COPY (a tenth) and memory; PostgreSQL takes about as long for two rows in two tables with
their keys, and the client a third of that, on two cores. The COPY it is held against needs 8 µs in all: it checks nothing, and is
one transaction. Keeping hashes within their rows, where the server had moved those of more than two kilobytes out, was worth a third.

Registering end to end (P2, P3) is bound by PostgreSQL and the core's 15 rows and 20 index entries a device; the server's processors
are idle for half of the time, and its own 40 µs have no large part that could go. The idiomatic gateway writes the same rows, which is
most of its time too: that is why the ratio is not larger, and why what remains is in fewer keys and indexes, not in the program.

Of a small call (P4) the gateway's edge adds half of bare gin's own time: thirteen headers, five ids, a line in the log. A million rows
of P5 hold 16 bytes each in memory, to find devices that stand twice, and as much again is what Go's collector leaves for garbage.
On SQLite (P7) there is one writer, which writes two tables where the loop it is held against writes one.

What was worth it: keys that see the whole serial and not only its last six letters and digits, or a device of every
production line of a model was read for each device of a dispatch (after sixty lines registering was several times
slower); hash bytes within their row, for hashes that are not padded; rows of COPY written without a plan a value.
`

// methods say how each figure is measured.
var methods = map[string]string{
	"A1": "Calls of 2 bytes over 32 connections of bare gin, with each token verified as the gateway does (its signature once, then from memory; the\n" +
		"client's standing at most a second old) and without, each in a process of its own.",
	"A2": "Tokens for assertions signed by ES256 (private_key_jwt): the assertion is read, verified and used up, the client looked up, the token\n" +
		"signed and the use noted; against one verification and one signature of the standard library in a loop. The assertions are signed\n" +
		"before. First the endpoint alone, one call after the other; then the server with HTTP and its database, by its processor time.",
	"A3": "As the second of A2, with assertions that must be refused, against good ones of the same size in the same round.",
	"C1": "Everything that is done to the text of a hash before the database is asked (base64, records, check sum, identity, keys) against\n" +
		"base64 and SHA-256 of the same characters with the standard library.",
	"C2": "A dispatch of 500, half of them known and scattered over the store, half new: locks, stored answers, fences, candidates and verdicts\n" +
		"in a transaction that is rolled back. Hashes are decoded before the clock starts. No dispatch is matched twice. The index of look-up\n" +
		"keys is read into memory first, as it is on a server that has run for a while.",
	"C3": "`Register` of 10,000 new devices in dispatches of 500 by two workers, decoding included, on the small store. The reference takes the very\n" +
		"rows that this wrote, in all seven tables, prepared in memory in their fastest order, the hash in all its 3000 bytes, and copies them\n" +
		"in binary and in one transaction into a twin of the database with the same indexes. It decodes, matches and compares nothing. It is one\n" +
		"stream, as COPY is, while registering keeps two connections busy: on a machine with idle cores that is worth up to twice the rate.\n" +
		"The text below also has the ratio to a COPY of one row a device, without keys, anchors, history and answers: no core that recognises\n" +
		"devices and explains itself comes near it, but it says what these cost.",
	"R1": "From the call of a revoke to the core's acknowledgement, with a gateway and a core in one process, 16,000 dispatches in the queue,\n" +
		"every worker forwarding, and two callers sending uploads of 2,000 devices named by serial number without a pause. In seconds, not a ratio.",
	"R2": "Uploads are accepted by two callers, with the check of consent (early look, gate, read under the gate) and with an answer that is\n" +
		"always yes; devices are reserved on the grant in both. The check reads six rows by their keys, early and once more under the gate,\n" +
		"which is a fifth of a millisecond whatever the upload's size: it passes a twentieth of uploads that are smaller than a dispatch.",
	"P1": "A client posts uploads of 500 devices by hardware hash, as Partner Center's JSON, over four connections to the server in a process of its\n" +
		"own, until each has its 202: token, consent, budget, decoding, rules, idempotency and the durable commit included, forwarding excluded. The\n" +
		"reference is one stream of COPY of the same devices, prepared in memory, into one table with nothing but a primary key, the whole hash in each\n" +
		"row, in one transaction. Client, server and PostgreSQL share the cores; the reference needs one and a half of them.",
	"P2": "As P1, until every device is registered: forwarding by two workers to the core in the same process, matching, all seven of the core's tables\n" +
		"with their indexes, and the outcome of each row in the gateway. The reference is the same COPY into one table.",
	"P3": "As P2 over an empty core, against a gateway as it is usually written (`internal/loadgen/baseline`: gin's ShouldBindJSON, gorm's\n" +
		"CreateInBatches(500)) with the same tables, indexes and look-ups, but without a token, budgets, history of crashes or conflicts.\n" +
		"Processor time is the server process's own, PostgreSQL's not included.",
	"P4": "The gateway's edge in a process of its own with nothing behind it (ids, access line, token, scope, request budget, headers, metrics) against\n" +
		"bare gin in another; both read the body and take its SHA-256, which the gateway needs to know a repeated call. The client shares the cores.",
	"P5": "Resident memory of the server process, its peak over what it took when idle. 64 clients send an upload of 500 devices by random hash (2 MB)\n" +
		"each but for its last byte, then all of them end; one client sends a CSV of a million rows named by serial number.",
	"P6": "`Register` of one dispatch of 500 new devices, decoding included, on the large and the small store in turns.",
	"P7": "Intake on SQLite (rules, decoding of hashes, consent, rows, hashes, idempotency) against a loop that inserts the same hashes with their\n" +
		"digests in one table, 500 in a transaction, with the same driver. Two callers against one loop: SQLite has one writer.",
	"P8": "A client queues 100,000 devices; ten more come then, and the clock stops when a client that asks sees them finished. In seconds, not a ratio.",
	"C4": "The peak of resident memory of a process that only matches and registers 20 dispatches each on the store.",
}

// WritePage writes what was measured into a page and keeps the figures in it that
// were not measured now.
func WritePage(path string, o Options, figures []Figure) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	rows, sections := readPage(string(old))
	about := machine(o)
	for _, f := range figures {
		rows[f.Name] = fmt.Sprintf("| %s | %s | %s | %s |\n", f.Name, values(f), f.Goal, f.Of)
		sections[f.Name] = fmt.Sprintf("## %s\n\n%s\n\n%s\n\n%s\n\n", f.Name, methods[f.Name], strings.Join(f.Detail, "\n\n"), about)
	}
	out := pageHead + pageTable
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		out += rows[name]
	}
	out += "\n"
	for _, name := range slices.Sorted(maps.Keys(sections)) {
		out += sections[name]
	}
	return os.WriteFile(path, []byte(out+pageTail), 0o644)
}

// readPage takes a page apart: table rows and sections by the name they begin with.
func readPage(page string) (rows, sections map[string]string) {
	rows, sections = map[string]string{}, map[string]string{}
	section := ""
	for line := range strings.Lines(page) {
		switch name, isRow := strings.CutPrefix(line, "| "); {
		case strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
			sections[section] = line
		case section != "":
			sections[section] += line
		case isRow && !strings.HasPrefix(name, "Figure"):
			name, _, _ = strings.Cut(name, " ")
			rows[name] = line
		}
	}
	delete(sections, "What binds first")
	for name := range sections {
		sections[name] = strings.TrimRight(sections[name], "\n") + "\n\n"
	}
	return rows, sections
}

func values(f Figure) string {
	words := make([]string, len(f.Values))
	for i, v := range f.Values {
		words[i] = fmt.Sprintf("%.2f", v)
	}
	return strings.Join(words, ", ")
}

// machine says where and when, as far as figures depend on it.
func machine(o Options) string {
	out := fmt.Sprintf("Measured on %s with %d cores", time.Now().UTC().Format("2 January 2006"), runtime.NumCPU())
	if gb := totalMemory(); gb > 0 {
		out += fmt.Sprintf(" and %d GB", gb)
	}
	if o.Load != "" {
		out += ", shared with other work: load average " + o.Load + " when it began"
	}
	return out + "."
}

// totalMemory is the machine's memory in gigabytes, 0 if it does not tell.
func totalMemory() int {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kb, ok := strings.CutPrefix(lines.Text(), "MemTotal:"); ok {
			n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(kb), " kB"))
			return (n + 1<<19) >> 20
		}
	}
	return 0
}

// LoadAverage is the number of processes that wanted to run during the last minute,
// "" if the system does not tell.
func LoadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
