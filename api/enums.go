package api

// This file has strings of the API that are nobody else's and have only some values.

// HostOrder is how hosts are listed.
type HostOrder string

// Those that are alike are listed by their names.
const (
	HostsByAttention HostOrder = "attention" // anomalous, then silent, then normal; of each the highest score
	HostsByScore     HostOrder = "score"
	HostsByName      HostOrder = "name"
	HostsByModelAge  HostOrder = "model_age"
)

// IncidentOrder is how incidents are listed.
type IncidentOrder string

// See [byWeight].
const (
	IncidentsBySince  IncidentOrder = "since"
	IncidentsByWeight IncidentOrder = "weight"
)

// HeatSpan is how far back a heat map reaches.
type HeatSpan string

// See [heatSpans].
const (
	Heat1h  HeatSpan = "1h"
	Heat12h HeatSpan = "12h"
	Heat24h HeatSpan = "24h"
	Heat7d  HeatSpan = "7d"
)

// Question is what has to hold for people to be notified.
type Question string

// In the order in which they are asked.
const (
	AskedSample     Question = "sample"
	AskedModel      Question = "model"
	AskedScore      Question = "score"
	AskedEvidence   Question = "evidence"
	AskedIncident   Question = "incident"
	AskedSuppressed Question = "suppressed"
	AskedDelivered  Question = "delivered"
)
