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
	what  string // it is, for the table
	value string // as the source has it
	// fit says that fitting a model, or choosing between two, reads it; with the
	// others models are those of the same history.
	fit bool
}

func (c constant) name() string { return c.pkg + "." + c.id }

// constants are all that one host's labelled series can say something of: those
// of fleets, storms, sources and Omen itself are not among them, nor are widths
// and formats, nor what is seen only by a provisional model (--first-hours).
var constants = []constant{
	{pkg: "detect", id: "limitQuantile", typ: "float64", of: "tail", fit: true,
		what: "half of the limit: the quantile of the scores in training"},
	{pkg: "detect", id: "alertsPerPage", typ: "float64", fit: true,
		what: "the other half: episodes above the limit that the budget of one page allows, since not each is a page"},
	{pkg: "detect", id: "strictness", typ: "float64", of: "above", fit: true,
		what: "the limit of a model of two minutes, against one of a day"},
	{pkg: "detect", id: "limitPace", typ: "float64", fit: true,
		what: "of the way that a retrained limit goes from the one before"},
	{pkg: "detect", id: "levelStep", typ: "float64",
		what: "what an episode adds to the logarithm of the host's level"},
	{pkg: "detect", id: "levelForgets", typ: "float64",
		what: "samples until it is forgotten: the rate that the level settles at"},
	{pkg: "detect", id: "levelStrong", typ: "float64",
		what: "the score, in limits, from which an episode does not raise the level"},
	{pkg: "detect", id: "levelQuiet", typ: "int",
		what: "samples at or below the level that end an episode"},
	{pkg: "detect", id: "aloneAbove", typ: "float64", of: "above",
		what: "the score, in limits, from which a sample alerts by itself at slow steps"},
	{pkg: "detect", id: "settleOver", typ: "time.Duration",
		what: "the window in which a plateau becomes the host's level"},
	{pkg: "detect", id: "settleAbove", typ: "float64", of: "above",
		what: "how far above a plateau still alerts, and how unlike its values may be"},
	{pkg: "detect", id: "heldScore", typ: "float64", fit: true,
		what: "the peak from which an episode is not learned"},
	{pkg: "detect", id: "heldShare", typ: "float64", fit: true,
		what: "of the history that is held back at most"},
	{pkg: "detect", id: "smoothing", typ: "float64", fit: true,
		what: "the weight of the newest sample in the score"},
	{pkg: "detect", id: "unitQuantile", typ: "float64", of: "tail", fit: true,
		what: "the quantile of a channel's evidence in training that is its unit"},
	{pkg: "detect", id: "floorRMS", typ: "float64", fit: true,
		what: "the least root mean square of a feature's residuals"},
	{pkg: "detect", id: "liftMost", typ: "float64", fit: true,
		what: "how far the evidence of a very still feature is lifted at most"},
	{pkg: "detect", id: "witnessMax", typ: "float32", fit: true,
		what: "root mean squares from which on a feature does not speak for others (the second look)"},
	{pkg: "incident", id: "Open", typ: "Evidence",
		what: "evidence that opens an incident: samples and time"},
	{pkg: "incident", id: "OpenYoung", typ: "Evidence",
		what: "the same by a model of less than a day"},
	{pkg: "incident", id: "Close", typ: "Evidence",
		what: "samples and time at or below the limit that close it"},
	{pkg: "incident", id: "Reopen", typ: "time.Duration",
		what: "an onset so soon after the closing continues the old incident"},
	{pkg: "incident", id: "CloseMost", typ: "time.Duration",
		what: "each return doubles the time that closing takes, up to this"},
	{pkg: "incident", id: "Expire", typ: "time.Duration",
		what: "an incident that nobody takes up ends after this, as the new normal"},
	{pkg: "incident", id: "ExpireYoung", typ: "time.Duration",
		what: "the same by a model of less than a day"},
	{pkg: "incident", id: "Lasting", typ: "time.Duration",
		what: "below the page level: people are notified of what lasts so long"},
	{pkg: "incident", id: "Update", typ: "time.Duration",
		what: "at most one update of an incident's causes in this"},
	{pkg: "incident", id: "countedStep", typ: "time.Duration",
		what: "the slowest step at which counts of samples hold as they are"},
	{pkg: "incident", id: "leastSevere", typ: "int",
		what: "samples at the page level, at least, at slow steps"},
	{pkg: "incident", id: "grown", typ: "float64",
		what: "how many times as high a feature has to be to be another trouble"},
	{pkg: "incident", id: "otherHeight", typ: "float64", of: "above",
		what: "how many times as high or low an incident has to be for its height to have changed"},
	{pkg: "feedback", id: "daysAtOneTime", typ: "int",
		what: "on so many days at one time makes a daily incident"},
	{pkg: "feedback", id: "notifiedAtOneTime", typ: "int",
		what: "on so many of them people were notified"},
	{pkg: "feedback", id: "timesAtAll", typ: "int",
		what: "so often at any time makes a frequent incident"},
	{pkg: "feedback", id: "peakRange", typ: "float64", of: "above",
		what: "how many times as high as another a frequent one may be"},
	{pkg: "feedback", id: "leadingCauses", typ: "int",
		what: "among so many of another's causes is what leads in a frequent one"},
	{pkg: "feedback", id: "peakRoom", typ: "float64", of: "above",
		what: "up to so many times its peak an expected incident is expected"},
	{pkg: "feedback", id: "timeRoom", typ: "time.Duration",
		what: "so much before and after its time, too"},
	{pkg: "feedback", id: "MajorShare", typ: "float64",
		what: "the smallest share that makes a cause worth naming"},
	{pkg: "training", id: "soonest", typ: "time.Duration",
		what: "how long after a training the next comes at the earliest"},
	{pkg: "training", id: "slack", typ: "float64", of: "above", fit: true,
		what: "how much louder than the model before a new one may be"},
}
