package omen

// Reasons that a change gives, and for which an incident is suppressed; they are
// values, so that programs can branch.
const (
	ReasonAnomalous   = "opened_anomalous"
	ReasonColdStart   = "opened_cold_start_suppressed"
	ReasonTrivial     = "opened_trivial_suppressed"
	ReasonMinor       = "opened_below_page_level" // above the limit, but neither far nor long enough for the page budget
	ReasonSilenced    = "opened_silenced"
	ReasonMaintenance = "opened_maintenance"
	ReasonGrace       = "opened_grace"
	ReasonFeedback    = "opened_rejected_pattern"
	ReasonFleet       = "opened_part_of_fleet" // recorded; the fleet incident notifies
	ReasonShared      = "opened_shared_cause"  // a fleet incident: same onset and causes on many hosts
	ReasonStorm       = "opened_storm"         // a fleet incident: too many unrelated ones at once
	ReasonSourceDown  = "opened_source_down"
	ReasonPartition   = "opened_hosts_silent"         // a source incident: it answers, but most of its hosts fell silent
	ReasonStalled     = "opened_omen_stalled"         // Omen itself scored nothing for a while
	ReasonTrouble     = "opened_omen_trouble"         // a part of Omen reports that it cannot work
	ReasonForecast    = "opened_forecast"             // a resource is about to be full
	ReasonSameCause   = "opened_same_cause"           // people are notified of the same trouble already: of an incident, or of a forecast
	ReasonSamePool    = "opened_same_pool"            // a forecast: people are notified of another resource that has the same space left
	ReasonBudget      = "opened_over_forecast_budget" // a forecast that is no more than a warning: those of its kind were false too often of late
	ReasonReopened    = "reopened_within_window"
	ReasonSeverity    = "escalated_severity"
	ReasonJoined      = "escalated_members_joined"
	ReasonAnother     = "escalated_another_cause" // another cause than those that people were notified of leads, as far out
	ReasonLifted      = "escalated_lifted"        // what suppressed it no longer does: people are notified from now on
	ReasonCameTrue    = "escalated_came_true"     // a forecast: the resource is full
	ReasonOutlook     = "updated_forecast"        // it is full sooner or later than people were notified of; of a host's incident, a forecast shows the same trouble
	ReasonCauses      = "updated_causes"          // other causes lead, or the score reached a new height
	ReasonNewLevel    = "updated_new_level"       // features have stayed at a new level, which is what is expected of them from now on
	ReasonBlame       = "updated_blame"           // of a node of Kubernetes: which pod it comes from, or that none is to blame
	ReasonMembers     = "updated_members"         // hosts joined a fleet incident
	ReasonRecovered   = "closed_recovered"
	ReasonWasFull     = "closed_came_true" // a forecast: the resource was full, and is no more
	ReasonSettled     = "closed_settled"   // the score stays above the limit, at what has become the host's level: not over
	ReasonExpired     = "closed_expired"
	ReasonNewModel    = "closed_new_model" // a retrained model takes as normal what the one before did not
	ReasonHostGone    = "closed_host_gone"
	ReasonByOperator  = "closed_by_operator"

	// ReasonAction and the state that an action has reached, such as action_done, are
	// the reason of a change of the kind acted.
	ReasonAction = "action_"
)
