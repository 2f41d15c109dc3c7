package omen

// Further reasons that a change gives, and for which an incident is suppressed.
const (
	ReasonFleet     = "opened_part_of_fleet"    // recorded; the fleet incident tells
	ReasonShared    = "opened_shared_cause"     // a fleet incident: same onset and causes on many hosts
	ReasonStorm     = "opened_storm"            // a fleet incident: too many unrelated ones at once
	ReasonPartition = "opened_hosts_silent"     // a source incident: it answers, but most of its hosts fell silent
	ReasonStalled   = "opened_omen_stalled"     // Omen itself scored nothing for a while
	ReasonLifted    = "escalated_lifted"        // what kept it quiet no longer does: people are told from now on
	ReasonCauses    = "updated_causes"          // other causes lead, or the score reached a new height
	ReasonMinor     = "opened_below_page_level" // above the limit, but neither far nor long enough for the page budget
	ReasonMembers   = "updated_members"         // hosts joined a fleet incident
)
