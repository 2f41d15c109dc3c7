package api

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omenhq/omen"
	"github.com/omenhq/omen/store"
)

// scrapeTime bounds what a scrape may wait for the store.
const scrapeTime = 2 * time.Second

// metric is the name and help of a gauge or counter of ours.
type metric struct {
	name, help string
	kind       prometheus.ValueType
}

var (
	mScore    = metric{"anomaly_score", "How far a host is from what its model expects; 1 is the calibrated limit.", prometheus.GaugeValue}
	mDetected = metric{"anomaly_detected", "1 while a host's score is above its limit and its level.", prometheus.GaugeValue}
	mLevel    = metric{"omen_alert_level", "The score above which a host alerts, in units of its model's limit; 1 is the limit itself.", prometheus.GaugeValue}
	mError    = metric{"anomaly_reconstruction_error", "Mean squared error of the host's autoencoder, in scaled units.", prometheus.GaugeValue}
	mCause    = metric{"anomaly_cause_ratio", "A feature's share of the score; only while the host is anomalous.", prometheus.GaugeValue}
	mTrained  = metric{"omen_model_trained_timestamp_seconds", "When the model that serves a host was trained.", prometheus.GaugeValue}
	mAge      = metric{"omen_model_age_seconds", "Time since the last sample that a host's model was trained on.", prometheus.GaugeValue}
	mGrade    = metric{"omen_model_grade", "1 for the grade of a host's model: provisional, learning or established.", prometheus.GaugeValue}
	mStale    = metric{"omen_model_stale", "1 if a host's model is older than two intervals between trainings.", prometheus.GaugeValue}
	mDrift    = metric{"omen_model_drift_ratio", "Share of a host's scores above half of the limit since its model serves, over a day at most.", prometheus.GaugeValue}
	mDriftExp = metric{"omen_model_drift_expected_ratio", "The same share in training.", prometheus.GaugeValue}
	mShifted  = metric{"omen_model_shifted_features", "Features whose usual error has moved by more than two deviations since the model serves.", prometheus.GaugeValue}
	mDrifting = metric{"omen_model_drifting", "1 if a host has left what its model learned.", prometheus.GaugeValue}
	mGaps     = metric{"omen_host_features_without_values", "Features that a host's model uses and that have had no value for 15 minutes or more although it sends others.", prometheus.GaugeValue}
	mHostPage = metric{"omen_host_pages", "Incidents of a host that people were notified of in the last week; of the hosts with most, at most 100.", prometheus.GaugeValue}

	mRecall   = metric{"omen_selftest_recall_ratio", "Share of synthetic faults of a kind that hosts' models find, over all sizes: mean over hosts.", prometheus.GaugeValue}
	mDelay    = metric{"omen_selftest_delay_seconds", "Time until they find one: median over the hosts whose model finds any.", prometheus.GaugeValue}
	mSmallest = metric{"omen_selftest_smallest_deviations", "Smallest size, in the feature's standard deviations, of which they find half: median over the hosts whose model has one.", prometheus.GaugeValue}
	mTested   = metric{"omen_selftest_hosts", "Hosts whose model was tested with faults of a kind.", prometheus.GaugeValue}

	mPromised = metric{"omen_pages_promised_per_host_week", "False pages per host and week that the configuration accepts.", prometheus.GaugeValue}
	mActual   = metric{"omen_pages_actual_per_host_week", "Incidents that people were notified of in the last week, true or false, per host and week; absent while less than a day is known.", prometheus.GaugeValue}
	mPages    = metric{"omen_pages_total", "Incidents of hosts that people were notified of since the start, by severity at that time.", prometheus.CounterValue}

	mProbability = metric{"omen_forecast_probability", "Probability that a resource is full within 1h, 4h, 24h, 72h or 7d; only of .01 or more.", prometheus.GaugeValue}
	mFull        = metric{"omen_forecast_full_seconds", "Time until a resource is full, by percentile (10, 50 and 90), given that it is within seven days; only while that is to be expected, and 0 of what is full.", prometheus.GaugeValue}
	mOutcomes    = metric{"omen_forecast_outcomes_total", "Forecasts that people were to be notified of, by outcome: true, false, averted (somebody acted on it); missed: it became full without one.", prometheus.CounterValue}

	mActions       = metric{"omen_actions_total", "Actions of playbooks that reached an outcome: started, done, failed, unknown, stuck, declined, expired, helped, not_helped, worse, unmeasurable, interrupted, undone.", prometheus.CounterValue}
	mActionRefused = metric{"omen_action_refusals_total", "Actions that a guard refused.", prometheus.CounterValue}
	mActionWaiting = metric{"omen_actions_waiting", "Actions that wait for somebody to approve them.", prometheus.GaugeValue}
	mActionStuck   = metric{"omen_actions_stuck", "Actions of which nobody can tell whether they were done.", prometheus.GaugeValue}
	mBenefit       = metric{"omen_playbook_benefit", "By how much more often incidents ended in time than those like them that were left alone, -1 to 1; absent until there is enough to compare.", prometheus.GaugeValue}
	mPlaybookOff   = metric{"omen_playbook_disabled", "1 if a playbook was switched off, by a person or since it does not help.", prometheus.GaugeValue}
	mGivenUp       = metric{"omen_playbook_given_up", "Targets that a playbook is no longer done to, since its last three actions there did not help.", prometheus.GaugeValue}
	mRemedyPaused  = metric{"omen_remedy_paused", "1 while actions are paused.", prometheus.GaugeValue}
	mRemedyUp      = metric{"omen_remedy_up", "1 while actions can be planned; 0: nothing is acted on.", prometheus.GaugeValue}
	mAuditBroken   = metric{"omen_audit_broken", "1 if the audit is not what was written, or its key is not there: nothing is acted on.", prometheus.GaugeValue}
	mAuditRows     = metric{"omen_audit_rows", "Rows of the audit's chain when it was last found whole, at least once an hour; that they are fewer than before means that its end was cut off.", prometheus.GaugeValue}

	mBuild         = metric{"omen_build_info", "1, with the version that runs.", prometheus.GaugeValue}
	mHosts         = metric{"omen_hosts", "Hosts by state: learning, normal, anomalous, silent.", prometheus.GaugeValue}
	mTraining      = metric{"omen_hosts_training", "Hosts whose model is being trained.", prometheus.GaugeValue}
	mFailing       = metric{"omen_training_failing_hosts", "Hosts whose training gave no model three times in a row or more.", prometheus.GaugeValue}
	mCalendar      = metric{"omen_calendar_up", "1 if a calendar file can be read; its windows are kept meanwhile.", prometheus.GaugeValue}
	mUp            = metric{"omen_source_up", "1 if a source answers, even in part.", prometheus.GaugeValue}
	mFailed        = metric{"omen_source_failed_features", "Features whose query a source does not answer.", prometheus.GaugeValue}
	mLeftOut       = metric{"omen_source_left_out_features", "Features of which series were left out, since they have no label that names a host.", prometheus.GaugeValue}
	mRefused       = metric{"omen_source_refused_hosts", "Hosts that are not judged, since their series are of several hosts.", prometheus.GaugeValue}
	mLate          = metric{"omen_source_late_hosts", "Hosts whose samples come later than the source is read, although those of the others do not.", prometheus.GaugeValue}
	mSilent        = metric{"omen_source_silent_hosts", "Hosts of a source that send nothing, where those are most of the hosts of one of its profiles; else 0.", prometheus.GaugeValue}
	mBlind         = metric{"omen_source_blind_profiles", "Profiles of a source of whose hosts nothing is seen, although the source has others that are.", prometheus.GaugeValue}
	mSourceHost    = metric{"omen_source_hosts", "Hosts that a source knows, over all its profiles.", prometheus.GaugeValue}
	mRead          = metric{"omen_source_read_duration_seconds", "How long the last read of a source took.", prometheus.GaugeValue}
	mLastRead      = metric{"omen_source_last_read_timestamp_seconds", "When a source was last read.", prometheus.GaugeValue}
	mStep          = metric{"omen_source_step_seconds", "How often a source is read.", prometheus.GaugeValue}
	mIncidents     = metric{"omen_incidents_open", "Incidents that are not closed, by severity; quiet: they are suppressed.", prometheus.GaugeValue}
	mJournal       = metric{"omen_journal_changes_total", "Changes of incidents in the journal.", prometheus.CounterValue}
	mLag           = metric{"omen_journal_reader_lag_changes", "Changes that a reader of the journal has not handled yet.", prometheus.GaugeValue}
	mStoreUp       = metric{"omen_store_up", "1 if the database answers and what it stores lasts: not on a full disk, nor in a directory that was removed or replaced.", prometheus.GaugeValue}
	mUnclean       = metric{"omen_unclean_shutdown", "1 if the last run did not end properly.", prometheus.GaugeValue}
	mDamaged       = metric{"omen_store_damaged_rows", "Rows of the database that were found damaged and set aside since the start.", prometheus.GaugeValue}
	mManagerWait   = metric{"omen_incident_queue_ticks", "Rounds of scores that wait for the incident manager.", prometheus.GaugeValue}
	mManagerDrop   = metric{"omen_incident_queue_dropped_ticks_total", "Rounds of scores dropped because the incident manager's queue was full.", prometheus.CounterValue}
	mManagerErrors = metric{"omen_incident_store_errors_total", "Failed attempts to store changes.", prometheus.CounterValue}
	mManagerTicks  = metric{"omen_incident_ticks_total", "Rounds of scores that the incident manager has handled.", prometheus.CounterValue}
	mQueue         = metric{"omen_queue_length", "Entries in a bounded queue.", prometheus.GaugeValue}
	mQueueMax      = metric{"omen_queue_capacity", "What a bounded queue can hold.", prometheus.GaugeValue}
	mQueueDrop     = metric{"omen_queue_dropped_total", "Entries that a full queue has dropped.", prometheus.CounterValue}
)

// collector reads the running Omen at each scrape. It describes nothing ahead
// (it is "unchecked"): whether host series carry a source label depends on how
// many sources there are.
type collector struct{ api *API }

func (a *API) collector() prometheus.Collector { return collector{a} }

func (collector) Describe(chan<- *prometheus.Desc) {}

// sink emits one sample; labels are name, value, name, value, …. What is not
// finite is left out: a series of ours is never NaN.
type sink func(m metric, v float64, labels ...string)

func (c collector) Collect(ch chan<- prometheus.Metric) {
	emit := func(m metric, v float64, labels ...string) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		var names, values []string
		for i := 0; i+1 < len(labels); i += 2 {
			names, values = append(names, labels[i]), append(values, labels[i+1])
		}
		one, err := prometheus.NewConstMetric(prometheus.NewDesc(m.name, m.help, names, nil), m.kind, v, values...)
		if err == nil { // it is one for a label that is not UTF-8
			ch <- one
		}
	}
	emit(mBuild, 1, "version", c.api.version, "goversion", runtime.Version())
	sources := c.api.live.Sources()
	hosts := c.api.live.Hosts()
	c.hosts(emit, hosts, len(sources) > 1)
	emitSelfTests(emit, hosts)
	c.pages(emit, hosts, len(sources) > 1)
	for _, s := range sources {
		emitSource(emit, s)
	}
	for _, k := range c.api.live.Calendars() {
		emit(mCalendar, one(k.Err == ""), "calendar", k.Name)
	}
	emitForecasts(emit, c.api.live.Forecasts(), len(sources) > 1)
	c.manager(emit)
	c.journal(emit)
	c.actions(emit)
	for _, q := range c.api.live.Queues() {
		emit(mQueue, float64(q.Length), "queue", q.Name)
		emit(mQueueMax, float64(q.Capacity), "queue", q.Name)
		emit(mQueueDrop, float64(q.Dropped), "queue", q.Name)
	}
}

// hosts emits what is known of every host. Hosts that are silent, or have no
// model yet, have no score: their series end.
func (c collector) hosts(emit sink, hosts []omen.HostStatus, source bool) {
	for state, n := range counts(hosts) {
		emit(mHosts, float64(n), "state", string(state))
	}
	training := 0
	failing := map[[2]string]int{}
	for _, h := range hosts {
		at := [2]string{h.Host.Source, h.Host.Profile}
		failing[at] += int(one(h.Training.Failures >= omen.FailingTrainings))
		if h.Training.Running {
			training++
		}
		labels := hostLabels(h, source)
		emitModel(emit, h, labels)
		if !hasScore(h) {
			continue
		}
		if h.Score.Anomalous() {
			for _, cause := range h.Score.Causes {
				emit(mCause, cause.Share, with(labels, "feature", cause.Feature)...)
			}
		}
		emit(mScore, h.Score.Value, labels...)
		emit(mDetected, one(h.Score.Anomalous()), labels...)
		emit(mLevel, max(1, h.Score.Level), labels...) // of a host without one yet the limit
		emit(mError, h.Score.ReconstructionError, labels...)
	}
	emit(mTraining, float64(training))
	for at, n := range failing {
		emit(mFailing, float64(n), "source", at[0], "profile", at[1])
	}
}

func emitSource(emit sink, s omen.SourceStatus) {
	emit(mUp, one(s.State == omen.SourceUp || s.State == omen.SourcePartial), "source", s.Name)
	emit(mFailed, float64(len(s.FailedFeatures)), "source", s.Name)
	emit(mLeftOut, float64(len(s.LeftOut)), "source", s.Name)
	emit(mRefused, float64(s.RefusedHosts), "source", s.Name)
	emit(mLate, float64(s.LateHosts), "source", s.Name)
	emit(mSilent, float64(s.SilentHosts), "source", s.Name)
	emit(mBlind, float64(len(s.Blind)), "source", s.Name)
	emit(mSourceHost, float64(s.Hosts), "source", s.Name)
	emit(mStep, s.StepSeconds, "source", s.Name)
	if !s.LastRead.IsZero() {
		emit(mRead, s.ReadSeconds, "source", s.Name)
		emit(mLastRead, float64(s.LastRead.UnixMilli())/1000, "source", s.Name)
	}
}

func (c collector) manager(emit sink) {
	if c.api.manager == nil {
		return
	}
	h := c.api.manager.Health()
	emit(mManagerWait, float64(h.Queued))
	emit(mManagerDrop, float64(h.Dropped))
	emit(mManagerErrors, float64(h.Errors))
	emit(mManagerTicks, float64(h.Ticks))
	for of, n := range h.Outcomes {
		emit(mOutcomes, float64(n), "resource", of.Resource, "outcome", of.Outcome)
	}
}

func (c collector) journal(emit sink) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	emit(mUnclean, one(c.api.store.Unclean()))
	emit(mDamaged, float64(c.api.store.Damaged()))
	head, err := c.api.store.Head(ctx)
	if err != nil {
		emit(mStoreUp, 0)
		return
	}
	emit(mJournal, float64(head))
	readers, err := c.api.store.Readers(ctx)
	for name, seq := range readers {
		emit(mLag, float64(head-seq), "reader", name)
	}
	open, err2 := c.api.store.OpenIncidents(ctx)
	if err != nil || err2 != nil {
		emit(mStoreUp, 0)
		return
	}
	emit(mStoreUp, one(c.api.store.Health() == nil))
	type key struct {
		severity omen.Severity
		quiet    string
	}
	n := map[key]int{}
	for _, s := range []omen.Severity{omen.Info, omen.Warning, omen.Critical} {
		n[key{s, "false"}], n[key{s, "true"}] = 0, 0
	}
	for _, in := range open {
		n[key{in.Severity, strconv.FormatBool(in.Suppressed != "")}]++
	}
	for k, v := range n {
		emit(mIncidents, float64(v), "severity", string(k.severity), "quiet", k.quiet)
	}
}

// planWithin is how long ago the last plan may be, of which there is one every few
// seconds.
const planWithin = time.Minute

// actions emits what playbooks do.
func (c collector) actions(emit sink) {
	if c.api.remedy == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	h := c.api.remedy.Health()
	emit(mAuditBroken, one(h.Broken != ""))
	emit(mAuditRows, float64(h.Rows))
	counts, err := c.api.store.CountActions(ctx)
	open, err2 := c.api.store.Actions(ctx, store.ActionFilter{States: []omen.ActionState{omen.ActionWaiting, omen.ActionStuck}})
	controls, err3 := c.api.remedy.Controls(ctx)
	emit(mRemedyUp, one(h.Err == "" && time.Since(h.Planned) < planWithin && errors.Join(err, err2, err3) == nil))
	for _, n := range counts {
		switch n.State {
		case omen.ActionRefused:
			emit(mActionRefused, float64(n.N), "playbook", n.Playbook, "guard", n.Guard)
		case omen.ActionSuggested, omen.ActionWaiting, omen.ActionApproved, omen.ActionMeasuring:
		default:
			emit(mActions, float64(n.N), "playbook", n.Playbook, "outcome", string(n.State))
		}
	}
	stuck := 0
	for _, a := range open {
		stuck += int(one(a.State == omen.ActionStuck))
	}
	emit(mActionWaiting, float64(len(open)-stuck))
	emit(mActionStuck, float64(stuck))
	emit(mRemedyPaused, one(controls.Paused != nil))
	for _, name := range c.api.remedy.Names() {
		_, off := controls.Disabled[name]
		emit(mPlaybookOff, one(off), "playbook", name)
		emit(mGivenUp, float64(h.GivenUp[name]), "playbook", name)
	}
	for name, e := range h.Effects {
		if e.Benefit.Known {
			emit(mBenefit, e.Benefit.Value, "playbook", name)
		}
	}
}
