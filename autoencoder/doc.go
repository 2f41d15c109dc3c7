// Package autoencoder is the arithmetic of Omen's neural network: dense
// layers of float32, their training with Adam, and reconstruction. Its key
// type is [Network], which is immutable once trained and may be shared by any
// number of goroutines that each hold a [Scratch].
//
// The network is that of the detector "RAN" (see the project's detection
// specification, section 1 item 3): a row x of M standardised features and a
// mask m (1 present, 0 hidden) go in as [x·m, m], pass through tanh layers of
// 32, 8 and 32 units, and come out as M linear estimates. Training hides each
// entry with probability 0.3 and asks for it back, so that at scoring time any
// feature can be predicted from the others. With [Options.Masked] false it is
// the ordinary autoencoder, x in and x out.
//
// It reads no clock and does no input or output; it knows nothing of hosts,
// time or limits; it does not scale its input. Rows are expected to be
// standardised (a few units wide), because the gradient is clipped at
// [Options.Clip] units.
//
// # Determinism
//
// The same rows, options and seed give the same network, bit for bit, on every
// run and on every processor: each output element is a chain of separately
// rounded multiplications and additions in a fixed order, and every kernel,
// vectorised or plain, keeps that order. For the same reason a reconstruction
// does not depend on how rows are batched.
package autoencoder
