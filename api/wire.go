package api

import (
	"encoding/json"

	"github.com/omenhq/omen"
)

// The structs of this file are the API: their fields are added to, and neither
// renamed nor removed within v1. The doc tags become the OpenAPI document's
// descriptions.

type HostRef struct {
	ID      string `json:"id" doc:"source/profile/name: unambiguous; escape it in a path"`
	Source  string `json:"source" doc:"the source's name in the configuration; local is this machine"`
	Profile string `json:"profile"`
	Name    string `json:"name" doc:"the identifying labels' values, joined by a slash"`
}

type Cause struct {
	Feature  string    `json:"feature"`
	Unit     omen.Unit `json:"unit" doc:"ratio, bytes, bytes/s, seconds, 1/s or 1"`
	Share    Number    `json:"share" doc:"part of the score, 0 to 1"`
	Actual   Number    `json:"actual"`
	Expected Number    `json:"expected"`
	Lower    Number    `json:"lower" doc:"lower end of the expected band"`
	Upper    Number    `json:"upper" doc:"upper end of the expected band"`
	Trivial  bool      `json:"trivial" doc:"statistically far, yet too small to matter or in the harmless direction"`
	Clears   bool      `json:"clears" doc:"in the smallest set of causes whose return to what is expected would clear the alert"`
	Stuck    Number    `json:"stuck_seconds" doc:"for how long it has kept one value, longer than it ever did in training; 0: it has not" null:"never"`
	Drifting Number    `json:"drifting_seconds" doc:"for how long it has been drifting slowly away from what is expected; 0: it is not" null:"never"`
	Text     string    `json:"text" doc:"the same for people: disk_write 240 MB/s, expected 8–15 MB/s"`
}

type Training struct {
	Running   bool       `json:"running"`
	Progress  Number     `json:"progress" doc:"0 to 1 of the running training"`
	Samples   int        `json:"samples" doc:"collected so far"`
	NextDue   Instant    `json:"next_due" doc:"when the next model, or the first, is expected"`
	NextGrade omen.Grade `json:"next_grade" doc:"the grade it will have"`
	Err       string     `json:"err" doc:"why the last training gave no model"`
	Failures  int        `json:"failures" doc:"trainings in a row that gave no model"`
	Anew      string     `json:"anew" doc:"why the model that there was does not serve, so that the host is trained from scratch; empty: it is not"`
}

// Anew is hosts of a profile that had models, and are trained from scratch.
type Anew struct {
	Source  string `json:"source"`
	Profile string `json:"profile"`
	Hosts   int    `json:"hosts"`
	Why     string `json:"why" doc:"the models that there were do not serve"`
	Text    string `json:"text" doc:"the same for people: 42 hosts of profile node are trained anew: its features changed (+cpu_busiest)"`
}

// Host is a host in a list.
type Host struct {
	HostRef
	Labels     map[string]string `json:"labels"`
	State      omen.HostState    `json:"state" doc:"learning, normal, anomalous or silent"`
	Score      Number            `json:"score" doc:"1.0 is the limit; null before the first model"`
	Level      Number            `json:"level" doc:"the score above which the host alerts, 1 or more; null before the first model"`
	Error      Number            `json:"reconstruction_error" doc:"mean squared error of the autoencoder in scaled units"`
	ScoredAt   Instant           `json:"scored_at"`
	Grade      omen.Grade        `json:"grade" doc:"how much the model can be trusted: provisional, learning, established; empty before the first model"`
	Causes     List[Cause]       `json:"causes" doc:"largest shares of the score first"`
	LastSeen   Instant           `json:"last_seen"`
	Model      string            `json:"model" doc:"ID of the model that serves; empty before the first"`
	TrainedAt  Instant           `json:"trained_at"`
	Training   Training          `json:"training"`
	Recent     List[Number]      `json:"recent" doc:"the last scores, oldest first, for a sparkline"`
	ModelAge   Number            `json:"model_age_seconds" doc:"since the last sample that the serving model was trained on; null before the first model"`
	Stale      bool              `json:"stale" doc:"the model is older than two intervals between trainings"`
	Drift      *Drift            `json:"drift" doc:"how far the host has left what its model was trained on; null until some samples were scored"`
	Pages      Pages             `json:"pages"`
	NewLevels  List[NewLevel]    `json:"new_levels" doc:"features whose level has moved, and with it what is expected of them; those that are back stay listed for a day"`
	SlowDrifts List[SlowDrift]   `json:"slow_drifts" doc:"features that have slowly gone away from what is expected of them, of which nobody is notified; those that no longer do stay listed for a day"`
	Gaps       List[Gap]         `json:"gaps" doc:"features that have had no value for 15 minutes or more although the host sends others: those that its model uses, and those whose counters have no rate"`
}

// Gap is a feature that has had no value for a while although its host sends others.
type Gap struct {
	Feature  string  `json:"feature"`
	Since    Instant `json:"since" doc:"its last value, as far as was seen"`
	Stepping bool    `json:"stepping" doc:"its series are there, and one of its counters steps back or begins again so often that it has no rate"`
	Text     string  `json:"text"`
}

// SlowDrift is a feature whose readings have, on average, slowly gone away from what
// is expected of them.
type SlowDrift struct {
	Feature  string    `json:"feature"`
	Unit     omen.Unit `json:"unit"`
	Up       bool      `json:"up" doc:"upwards; else downwards"`
	Mean     Number    `json:"mean" doc:"of the last 60 samples or so, when it was found"`
	Expected Number    `json:"expected" doc:"then"`
	Since    Instant   `json:"since" doc:"from when on it was further away than ever in training"`
	At       Instant   `json:"at" doc:"when it was found"`
	Back     Instant   `json:"back" doc:"since when it is no longer; null: it goes on"`
	Learned  bool      `json:"learned" doc:"it is no longer because another model expects what it has become"`
	Text     string    `json:"text"`
}

// NewLevel is a feature that has left its level for another one and stayed there.
type NewLevel struct {
	Feature string    `json:"feature"`
	Unit    omen.Unit `json:"unit"`
	Level   Number    `json:"level"`
	Was     Number    `json:"was"`
	Since   Instant   `json:"since" doc:"when it left the old level, to some minutes"`
	At      Instant   `json:"at" doc:"when the new one was taken as usual"`
	Back    Instant   `json:"back" doc:"since when it is back at the old level; null: it is not"`
	Text    string    `json:"text"`
}

type Drift struct {
	MeasuredAt Instant      `json:"measured_at"`
	Samples    int          `json:"samples" doc:"scored by this model, a day's at most"`
	Busy       Number       `json:"busy" doc:"share of them above half of the limit"`
	Expected   Number       `json:"expected" doc:"the same in training"`
	Shifted    List[string] `json:"shifted" doc:"features whose usual error has moved by more than two deviations"`
	Drifting   bool         `json:"drifting" doc:"so far that the model no longer fits the host"`
}

// Pages are incidents of one host that people were notified of.
type Pages struct {
	Promised Number `json:"promised_per_week" doc:"false pages that the configuration accepts"`
	Actual   Number `json:"actual_per_week" doc:"pages sent, true or false; null while less than a day is known"`
	Opened   int    `json:"opened" doc:"the same as a count, within days"`
	Days     Number `json:"days" null:"never" doc:"how long the host has been watched, a week at most"`
}

// AllPages is the same of all hosts together.
type AllPages struct {
	Promised Number `json:"promised_per_host_week" doc:"false pages that the configuration accepts"`
	Actual   Number `json:"actual_per_host_week" doc:"pages sent, true or false; null while less than a day is known"`
	Opened   int    `json:"opened" doc:"the same as a count, within days"`
	Hosts    int    `json:"hosts"`
	Days     Number `json:"days" null:"never" doc:"how long the hosts have been watched on average, a week at most"`
}

type Feature struct {
	Name         string    `json:"name"`
	Unit         omen.Unit `json:"unit"`
	Help         string    `json:"help"`
	Actual       Number    `json:"actual" doc:"null where the host lacks the feature"`
	Expected     Number    `json:"expected" doc:"null before the first model"`
	Lower        Number    `json:"lower"`
	Upper        Number    `json:"upper"`
	Share        Number    `json:"share"`
	ActualText   string    `json:"actual_text"`
	ExpectedText string    `json:"expected_text"`
}

// HostDetail is one host with everything.
type HostDetail struct {
	Host
	Features  List[Feature]  `json:"features"`
	Incidents List[Incident] `json:"incidents" doc:"those not closed"`
	Serving   *Model         `json:"serving" doc:"the model that serves, with its card; null before the first"`
}

type Hosts struct {
	Hosts  List[Host]             `json:"hosts"`
	Total  int                    `json:"total" doc:"how many match"`
	Counts map[omen.HostState]int `json:"counts" doc:"hosts by state, before filtering"`
}

type ScoreHistory struct {
	Host   string        `json:"host"`
	Limit  Number        `json:"limit" null:"never" doc:"always 1"`
	Step   Number        `json:"step_seconds" null:"never" doc:"what one point stands for"`
	Times  List[Seconds] `json:"times" doc:"seconds since 1970"`
	Scores List[Number]  `json:"scores" doc:"the highest score of each step; null is a gap"`
	Level  List[Number]  `json:"level" doc:"the highest score of each step above which the host alerted, 1 or more; null where there is no score"`
}

type FeatureHistory struct {
	Feature  string        `json:"feature"`
	Unit     omen.Unit     `json:"unit"`
	Times    List[Seconds] `json:"times" doc:"seconds since 1970"`
	Actual   List[Number]  `json:"actual"`
	Expected List[Number]  `json:"expected" doc:"by the model that judged then; null where that is not stored any more; empty where it is nowhere, see no_band"`
	Lower    List[Number]  `json:"lower"`
	Upper    List[Number]  `json:"upper"`
}

type Features struct {
	Host     string               `json:"host"`
	Step     Number               `json:"step_seconds" null:"never" doc:"what the points of a feature stand for: of each such stretch the least, the greatest, and what is furthest outside the expected band"`
	NoBand   string               `json:"no_band" doc:"why there is no expected band at all; empty: there is one where the model that judged then is stored"`
	Features List[FeatureHistory] `json:"features"`
}

type Incident struct {
	ID         string             `json:"id"`
	Kind       omen.IncidentKind  `json:"kind" doc:"host, fleet, source, omen or forecast"`
	Host       HostRef            `json:"host" doc:"of a fleet incident the likely first host; of a source incident only source is set"`
	Members    List[HostRef]      `json:"members" doc:"every host of a fleet incident"`
	Common     List[Shared]       `json:"common" doc:"what labels say of the members that are known, at most 8; of a closed one only where it is asked for by its id"`
	State      omen.IncidentState `json:"state" doc:"open, acknowledged or closed"`
	Severity   omen.Severity      `json:"severity" doc:"info, warning or critical"`
	Grade      omen.Grade         `json:"grade" doc:"the model's when it opened"`
	Since      Instant            `json:"since" doc:"the first anomalous sample"`
	OpenedAt   Instant            `json:"opened_at"`
	UpdatedAt  Instant            `json:"updated_at"`
	ClosedAt   Instant            `json:"closed_at"`
	Score      Number             `json:"score"`
	Peak       Number             `json:"peak"`
	Level      Number             `json:"level" doc:"the score above which the host alerted when it opened, where that was more than 1; null: it was the limit"`
	PeakAt     Instant            `json:"peak_at" doc:"null: not known"`
	Causes     List[Cause]        `json:"causes" doc:"at the peak"`
	CausesOf   *HostRef           `json:"causes_of" doc:"of a fleet incident the host whose causes these are, the furthest from normal; null: the likely first one"`
	Returning  Instant            `json:"returning_since" doc:"since when the host of an open incident is below the limit; null: it is not"`
	Reason     string             `json:"reason" doc:"why it is in its state, as a value: opened_anomalous, closed_recovered, …"`
	Summary    string             `json:"summary"`
	Suppressed string             `json:"suppressed" doc:"why no notification is sent; empty: it is not suppressed"`
	AckedBy    string             `json:"acked_by"`
	Assignee   string             `json:"assignee"`
	Verdict    omen.Verdict       `json:"verdict" doc:"empty, real, not_a_problem or expected_at_this_time"`
	VerdictBy  string             `json:"verdict_by"`
	Links      List[string]       `json:"links"`
	Remedy     string             `json:"remedy" doc:"for people: what a playbook suggests or did about it; empty: nothing"`
	Strip      *Strip             `json:"strip" doc:"its scores by time, where points are asked for and it is open; else null"`
	Actions    int                `json:"actions" doc:"how many actions of playbooks were started to end it"`
	Model      string             `json:"model" doc:"the model that opened it"`
	Trouble    string             `json:"trouble" doc:"of Omen's own incident what reported it, such as receiver/oncall/telegram; else empty"`
	Fleet      string             `json:"fleet" doc:"the fleet incident that this one is part of; empty: none"`
	NewLevels  List[NewLevel]     `json:"new_levels" doc:"features that have taken a new level since a host's incident opened, and are at it"`
	Blame      *Blame             `json:"blame" doc:"of a host that is a node of Kubernetes: which pod it comes from; null: it is none, or nobody has looked yet"`
	Forecast   *Forecast          `json:"forecast" doc:"what a forecast incident is about, as people were last notified of it; of a host's incident the forecast of the same trouble; null: none"`
}

type Forecast struct {
	Host      HostRef      `json:"host"`
	Resource  string       `json:"resource" doc:"the limit's name in the profile, such as filesystem_space"`
	Where     string       `json:"where" doc:"which of the host's, such as /var; empty: it has one"`
	Title     string       `json:"title" doc:"what people call it: /var, inodes of /var, memory"`
	Text      string       `json:"text" doc:"the forecast in a sentence"`
	Unit      omen.Unit    `json:"unit"`
	At        Instant      `json:"at" null:"never" doc:"the last sample"`
	Used      Number       `json:"used" doc:"null: it is a date"`
	Limit     Number       `json:"limit" doc:"null: it is a date"`
	Expires   Instant      `json:"expires" doc:"the known date at which it is over, as of a certificate; null: it is an amount"`
	Exhausted bool         `json:"exhausted" doc:"it is full now, or has expired"`
	P         List[Number] `json:"probability" doc:"of being full within 1 h, 4 h, 24 h, 72 h and 7 days"`
	Full      Number       `json:"full_seconds" doc:"median of the time until it is full, given that it is within 7 days; of a date the time to it, however long; null: it is full now, or that is not to be expected"`
	Early     Number       `json:"early_seconds" doc:"its 10 % quantile"`
	Late      Number       `json:"late_seconds" doc:"its 90 % quantile"`
	Rate      Number       `json:"rate" doc:"of the current rise, in units per second; 0: nothing rises"`
	Since     Instant      `json:"since" doc:"when that began"`
	Rises     int          `json:"rises" doc:"rises of the last 14 days that went at least as far"`
	Longer    int          `json:"longer" doc:"those of them that would fill it from here"`
	Days      int          `json:"days" doc:"days of history behind it, at most 14"`
	Ceiling   Number       `json:"ceiling" doc:"the level from which it was usually cleaned; null: none"`
}

// Blame says which pod an incident of a node comes from.
type Blame struct {
	At        Instant       `json:"at" null:"never" doc:"when it was judged"`
	Node      string        `json:"node" doc:"the host's name in Kubernetes"`
	Namespace string        `json:"namespace" doc:"of the pod that is to blame; empty: none is"`
	Pod       string        `json:"pod" doc:"that is to blame; empty: none is"`
	Why       string        `json:"why" doc:"why this pod, or why none"`
	Feature   string        `json:"feature" doc:"of the incident's causes the one that was looked for in pods; empty: none of them is measured by pod"`
	Unit      omen.Unit     `json:"unit"`
	Surplus   Number        `json:"surplus" null:"never" doc:"of the node since the onset, above what was expected"`
	Outside   Number        `json:"outside" null:"never" doc:"share of the surplus that is in no pod"`
	Pods      List[PodRise] `json:"pods" doc:"the three that rose most, the most first"`
	Lines     List[string]  `json:"lines" doc:"all of it for people: the verdict, and a line for each pod"`
}

// PodRise is how much more than usual a pod uses.
type PodRise struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Workload  string `json:"workload" doc:"what runs it, such as ReplicaSet/shop; empty: not known"`
	Rise      Number `json:"rise" null:"never" doc:"in the unit of the blame"`
	RiseText  string `json:"rise_text"`
	Share     Number `json:"share" null:"never" doc:"of the node's surplus; it may be more than 1, or less than 0"`
	Waits     Number `json:"waits" null:"never" doc:"share of time in which it waited for the resource (PSI); 0: it did not, or that is not measured"`
	Replaced  int    `json:"replaced" doc:"pods of its workload that were replaced meanwhile, and count as one; 0: it is one pod"`
}

type Forecasts struct {
	Forecasts List[Forecast] `json:"forecasts" doc:"what is full first, then soonest, then what is likelier to become full, then what is fuller"`
	Total     int            `json:"total" doc:"how many match"`
	Resources int            `json:"resources" doc:"how many resources with a limit were measured in the last round, or within five minutes before it where their limit was not read, of the host, source and resource that are asked for"`
	Waiting   int            `json:"waiting" doc:"how many of these are not forecast yet"`
	Until     Instant        `json:"until" doc:"from when on those are that have too little history, as the note says; null: none has"`
	Note      string         `json:"note" doc:"why they are not forecast yet; empty: all are"`

	Unread List[UnreadLimit] `json:"unread" doc:"limits whose queries the source does not answer; where that is their history alone, they are forecast by what was measured since, once that is an hour"`
}

// UnreadLimit is a limit of a profile that cannot be read, or whose history cannot.
type UnreadLimit struct {
	Source  string `json:"source"`
	Profile string `json:"profile"`
	Limit   string `json:"limit" doc:"its name in the profile"`
	Why     string `json:"why" doc:"what the source says of its queries, now or for its history"`
}

type Incidents struct {
	Incidents List[Incident] `json:"incidents" doc:"in the order asked for"`
	Next      string         `json:"next" doc:"give it as before= to get older ones; empty: no more"`
}

type Change struct {
	Seq      int64              `json:"seq"`
	Key      string             `json:"key" doc:"the same however often it is delivered"`
	Kind     omen.ChangeKind    `json:"kind"`
	At       Instant            `json:"at" null:"never"`
	Incident string             `json:"incident"`
	About    omen.IncidentKind  `json:"incident_kind" doc:"host, fleet, source, omen or forecast"`
	State    omen.IncidentState `json:"state" doc:"the incident's, after the change"`
	Severity omen.Severity      `json:"severity"`
	Score    Number             `json:"score"`
	Reason   string             `json:"reason"`
	By       string             `json:"by"`
	Comment  string             `json:"comment"`
	Verdict  omen.Verdict       `json:"verdict" doc:"of a step judged: what was said, empty if it was taken back; else empty"`
	Causes   List[Cause]        `json:"causes"`
	Summary  string             `json:"summary"`
	Action   *Action            `json:"action" doc:"of a step acted: the action after its step; else null"`
}

type Delivery struct {
	Key      string  `json:"key" doc:"of the change that was sent"`
	Receiver string  `json:"receiver"`
	At       Instant `json:"at" null:"never"`
	Took     Number  `json:"took_seconds"`
	Outcome  string  `json:"outcome" doc:"delivered, retrying, gave_up or skipped"`
	Detail   string  `json:"detail"`
}

type IncidentDetail struct {
	Incident
	Changes    List[Change]   `json:"changes" doc:"oldest first"`
	Deliveries List[Delivery] `json:"deliveries" doc:"oldest first"`
}

type Model struct {
	ID        string          `json:"id"`
	Host      HostRef         `json:"host"`
	Schema    string          `json:"schema" doc:"hash of the feature list that the model is bound to"`
	Grade     omen.Grade      `json:"grade"`
	TrainedAt Instant         `json:"trained_at"`
	From      Instant         `json:"from" doc:"the span of history it was trained on"`
	To        Instant         `json:"to"`
	Rows      int             `json:"rows"`
	Serving   bool            `json:"serving"`
	Note      string          `json:"note" doc:"why it serves, or why not"`
	Served    List[Service]   `json:"served" doc:"when it judged its host, oldest first; empty where that was not recorded yet"`
	Card      json.RawMessage `json:"card" doc:"the model's card: losses, limit and how it was chosen, excluded spans, features; null in lists"`
}

// Service is a span in which a model judged its host.
type Service struct {
	From Instant `json:"from" null:"never"`
	To   Instant `json:"to" doc:"null while it lasts"`
}

type Models struct {
	Models List[Model] `json:"models"`
}

type Source struct {
	Name           string            `json:"name"`
	Address        string            `json:"address"`
	State          omen.SourceState  `json:"state" doc:"starting, up, partial or down"`
	Since          Instant           `json:"since"`
	Err            string            `json:"err"`
	FailedFeatures map[string]string `json:"failed_features" doc:"feature: why its query failed"`
	LeftOut        map[string]string `json:"left_out" doc:"feature: which series were left out, since they have no label that names a host"`
	Blind          map[string]string `json:"blind" doc:"profile: why nothing of its hosts is seen, where the source has other profiles"`
	Refused        map[string]string `json:"refused" doc:"host, at most 20: why it is not judged: its series are of several hosts"`
	RefusedHosts   int               `json:"refused_hosts" doc:"how many hosts are not judged since their series are of several"`
	Late           map[string]string `json:"late" doc:"host, at most 20: how late its samples come, where that is later than the source is read"`
	LateHosts      int               `json:"late_hosts" doc:"how many hosts' samples come later than the source is read"`
	SilentHosts    int               `json:"silent_hosts" doc:"how many hosts send nothing, where those are most of a profile's and an incident says so; else 0"`
	Note           string            `json:"note" doc:"what would better be configured otherwise, such as its step; empty: nothing"`
	Hosts          int               `json:"hosts" doc:"over all profiles"`
	LastRead       Instant           `json:"last_read"`
	ReadSeconds    Number            `json:"read_seconds"`
	StepSeconds    Number            `json:"step_seconds"`
}

type Sources struct {
	Sources List[Source] `json:"sources"`
}

type Status struct {
	Version         string                 `json:"version"`
	StartedAt       Instant                `json:"started_at" null:"never"`
	UptimeSeconds   Number                 `json:"uptime_seconds" null:"never"`
	Ready           bool                   `json:"ready"`
	Waiting         string                 `json:"waiting" doc:"what is being waited for while not ready"`
	Hosts           map[omen.HostState]int `json:"hosts" doc:"hosts by state"`
	Sources         List[Source]           `json:"sources"`
	OpenIncidents   int                    `json:"open_incidents" doc:"those that are not suppressed"`
	QuietIncidents  int                    `json:"quiet_incidents" doc:"open ones that are suppressed"`
	Training        List[HostRef]          `json:"training" doc:"hosts whose model is being trained now, at most 20"`
	TrainingHosts   int                    `json:"training_hosts"`
	FirstModelDue   Instant                `json:"first_model_due" doc:"when the earliest first model of a learning host is due; null when none is waited for"`
	FirstModelHosts int                    `json:"first_model_hosts" doc:"hosts that wait for their first model"`
	Anew            List[Anew]             `json:"anew" doc:"those of them that had a model before, by reason"`
	Progress        Number                 `json:"progress" doc:"0 to 1 of the training that is furthest, of those that wait for their first model"`
	Pages           *AllPages              `json:"pages" doc:"pages sent on all hosts, against what was promised"`
	TimeZone        string                 `json:"time_zone" doc:"in which a time of day is meant, such as expected at this time; Local: this machine's, which has no name"`
	UncleanShutdown bool                   `json:"unclean_shutdown" doc:"the last run did not end properly"`
	Unauthenticated bool                   `json:"unauthenticated" doc:"other machines reach Omen, and it asks nobody for a password or certificate"`

	UnauthenticatedRole Role `json:"unauthenticated_role,omitempty" doc:"the role that they have then; absent: unauthenticated is false"`
}
