package wire

import "time"

// Budgets are the caller's, with what spends them.
type Budgets struct {
	Items  []Budget `json:"items"`
	Prices []Price  `json:"prices"`
}

// Budget is one budget as it stands. It refills evenly, unit by unit.
type Budget struct {
	Name          string    `json:"name"` // as in RateLimit headers: requests, devices, tenant-devices
	Unit          string    `json:"unit"`
	Limit         int64     `json:"limit"` // units in a period, and at most so many at once
	PeriodSeconds int64     `json:"periodSeconds"`
	Remaining     int64     `json:"remaining"`
	NextAt        time.Time `json:"nextAt"` // from when one unit can be spent; now, unless nothing remains
	FullAt        time.Time `json:"fullAt"` // when all of it is there again if nothing is spent
}

// Price is what a kind of call costs one budget.
type Price struct {
	Call   string `json:"call"`
	Budget string `json:"budget"`
	Cost   int64  `json:"cost"`
	Per    string `json:"per"` // call or row
}
