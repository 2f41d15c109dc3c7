// Package detect learns what is normal for one host and scores each new
// sample against it. Its key type is [Model]: fitted once by [Fit], immutable,
// bound to one schema, and read by any number of [Stream]s, each of which is
// one host's running state.
//
// The detector ("RAN" and a season) has four channels that measure
// how odd a sample is, all causal. R, a ridge regression,
// forecasts every feature from the last sample and its moving averages; it sees
// what moves faster or otherwise than usual. A, a masked autoencoder, predicts
// every feature from the others; it sees values that do not belong together, and
// looks again without those that it found odd. N, breadth, counts how many
// features jump at once. The season forecasts a feature from its own slow
// averages and the time of day; it sees what is unusual at this hour, and goes
// on seeing it. Each channel is measured in units of its own behaviour in
// training, the four are added, smoothed, and divided by a limit that follows
// from the operator's page budget: 1.0 is the limit. One more counts the features that are
// stuck at one value, each an alert by itself.
//
// Beside the score, for people: features at a new level ([Stream.NewLevels]), and those
// whose residuals have long lain on one side, a slow leak or drift ([Stream.SlowDrifts]).
//
// The package reads no clock and does no input or output; it never emits NaN;
// it does not open incidents: that takes hysteresis and history, which are
// package incident's.
package detect
