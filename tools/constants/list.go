package main

// constant is one that shapes alerts: which incidents open, and of which people
// are notified.
type constant struct {
	pkg, id string
	// typ is its type as a variable.
	typ string
	// of says what is halved and doubled: "" the constant itself, "tail" its
	// distance from 1 (of quantiles and shares), "above" what it exceeds 1 by (of
	// factors).
	of    string
	value string // as the source has it
}

func (c constant) name() string { return c.pkg + "." + c.id }

// constants are all that one host's labelled series can say something of: those
// of fleets, storms, sources and Omen itself are not among them, nor are widths
// and formats, nor what is seen only by a provisional model (--first-hours).
var constants = []constant{
	{pkg: "detect", id: "limitQuantile", typ: "float64", of: "tail"},
	{pkg: "detect", id: "alertsPerPage", typ: "float64"},
	{pkg: "detect", id: "strictness", typ: "float64", of: "above"},
	{pkg: "detect", id: "limitPace", typ: "float64"},
	{pkg: "detect", id: "levelStep", typ: "float64"},
	{pkg: "detect", id: "levelForgets", typ: "float64"},
	{pkg: "detect", id: "levelAgain", typ: "time.Duration"},
	{pkg: "detect", id: "levelStrong", typ: "float64"},
	{pkg: "detect", id: "levelQuiet", typ: "int"},
	{pkg: "detect", id: "settleOver", typ: "time.Duration"},
	{pkg: "detect", id: "settleAbove", typ: "float64", of: "above"},
	{pkg: "detect", id: "heldScore", typ: "float64"},
	{pkg: "detect", id: "heldShare", typ: "float64"},
	{pkg: "detect", id: "shiftAfter", typ: "time.Duration"},
	{pkg: "detect", id: "smoothing", typ: "float64"},
	{pkg: "detect", id: "unitQuantile", typ: "float64", of: "tail"},
	{pkg: "detect", id: "floorRMS", typ: "float64"},
	{pkg: "detect", id: "liftMost", typ: "float64"},
	{pkg: "detect", id: "witnessMax", typ: "float32"},
	{pkg: "incident", id: "Open", typ: "Evidence"},
	{pkg: "incident", id: "OpenYoung", typ: "Evidence"},
	{pkg: "incident", id: "Close", typ: "Evidence"},
	{pkg: "incident", id: "Reopen", typ: "time.Duration"},
	{pkg: "incident", id: "CloseMost", typ: "time.Duration"},
	{pkg: "incident", id: "Expire", typ: "time.Duration"},
	{pkg: "incident", id: "ExpireYoung", typ: "time.Duration"},
	{pkg: "incident", id: "Lasting", typ: "time.Duration"},
	{pkg: "incident", id: "Update", typ: "time.Duration"},
	{pkg: "incident", id: "countedStep", typ: "time.Duration"},
	{pkg: "incident", id: "leastSevere", typ: "int"},
	{pkg: "incident", id: "grown", typ: "float64"},
	{pkg: "incident", id: "otherHeight", typ: "float64", of: "above"},
	{pkg: "feedback", id: "daysAtOneTime", typ: "int"},
	{pkg: "feedback", id: "notifiedAtOneTime", typ: "int"},
	{pkg: "feedback", id: "timesAtAll", typ: "int"},
	{pkg: "feedback", id: "peakRange", typ: "float64", of: "above"},
	{pkg: "feedback", id: "leadingCauses", typ: "int"},
	{pkg: "feedback", id: "peakRoom", typ: "float64", of: "above"},
	{pkg: "feedback", id: "timeRoom", typ: "time.Duration"},
	{pkg: "feedback", id: "MajorShare", typ: "float64"},
	{pkg: "training", id: "soonest", typ: "time.Duration"},
	{pkg: "training", id: "slack", typ: "float64", of: "above"},
}
