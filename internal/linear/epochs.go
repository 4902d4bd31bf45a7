package linear

import (
	"errors"
	"fmt"
)

// Request is work as it left for the core: under which epoch of its grant, and when
// the claim behind it read the database's clock under the gate.
type Request struct {
	Grant   string
	Upload  string
	Epoch   int64
	Claimed int64
	Sent    int64 // when it was passed on to the core
	Done    int64 // when the core had answered; Never if nobody heard it
}

// Raise is a change that raised a grant's epoch. It was committed before anybody
// else could take the gate, and At was read while the gate was held.
type Raise struct {
	Grant string
	Epoch int64
	At    int64
}

// Fenced is a fence that the core acknowledged.
type Fenced struct {
	Grant    string
	MinEpoch int64
	At       int64 // when the acknowledgement arrived
}

// Registered is one device of the core's own record.
type Registered struct {
	Grant  string
	Upload string
	Row    int
	At     int64 // the core's clock, read under its locks
}

// CheckClaims reports work that left under an epoch older than one committed before
// its claim: a claim that did not look, or that looked beside the gate.
func CheckClaims(sent []Request, raised []Raise) error {
	var wrong []error
	for _, r := range sent {
		for _, up := range raised {
			if up.Grant == r.Grant && up.At < r.Claimed && r.Epoch < up.Epoch {
				wrong = append(wrong, fmt.Errorf("upload %s left under epoch %d of grant %s, claimed %d ns after epoch %d was there",
					r.Upload, r.Epoch, r.Grant, r.Claimed-up.At, up.Epoch))
				break
			}
		}
	}
	return errors.Join(wrong...)
}

// CheckFences reports devices that no request could have registered under an epoch
// that the core still let through: each must have come with one that was sent before
// and not answered before, and whose epoch is not below a fence acknowledged by then.
func CheckFences(devices []Registered, sent []Request, fences []Fenced) error {
	byUpload := map[string][]Request{}
	for _, r := range sent {
		byUpload[r.Upload] = append(byUpload[r.Upload], r)
	}
	var wrong []error
	for _, d := range devices {
		least := int64(0)
		for _, f := range fences {
			if f.Grant == d.Grant && f.At < d.At {
				least = max(least, f.MinEpoch)
			}
		}
		best := int64(-1)
		for _, r := range byUpload[d.Upload] {
			if r.Grant == d.Grant && r.Sent <= d.At && d.At <= r.Done {
				best = max(best, r.Epoch)
			}
		}
		if best < least {
			wrong = append(wrong, fmt.Errorf("row %d of upload %s was registered under epoch %d of grant %s, below the fence %d", d.Row, d.Upload, best, d.Grant, least))
		}
	}
	return errors.Join(wrong...)
}
