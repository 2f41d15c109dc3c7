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
//
// # Speed
//
// The arithmetic is internal/simd's: with its vector kernels training (10,080
// rows of 40 features, 12 epochs) takes about 1/18 of PyTorch's time on one
// core, measured by `go test -v ./bench/torch`, and 53 ms on the machine it was
// written on; reconstructing a row takes about 0.25 µs. The plain kernels take
// about ten times as long.
//
// Every matrix product is one kernel: results lie row by row with columns in
// the vector's lanes, so that no product needs a sum across lanes. The
// gradient of the weights reads the activations down their columns, and that
// of the activations uses the weights transposed once per batch. A column
// panel of 16 floats of the right-hand matrix (80 x 16 at most) stays in the
// first-level cache while four rows of the left-hand one pass.
package autoencoder
