package autoencoder

// The plain kernels of [Crossing], under the rules of kernel.go.

// gatherPlain sets c[j] = Σ_i x[rows[i]]·w[rows[i],j] for the len(c) columns,
// a multiple of lanes, summed from i = 0 upwards.
func gatherPlain(c, x []float32, rows []int32, w []float32) {
	n := len(c)
	clear(c)
	for _, r := range rows {
		v, from := x[r], w[int(r)*n:][:n]
		for j, wj := range from {
			c[j] += float32(v * wj)
		}
	}
}

// othersPlain sets row r of c, n columns each, to b and the sums of all groups
// but r, in their order.
func othersPlain(c, sums, masks, b []float32, n int) {
	for j := range n {
		var t [Groups]float32
		for g := range t {
			t[g] = sums[g*n+j] + masks[g*n+j]
		}
		c[j] = b[j] + t[1] + t[2] + t[3]
		front := b[j] + t[0]
		c[n+j] = front + t[2] + t[3]
		front += t[1]
		c[2*n+j] = front + t[3]
		c[3*n+j] = front + t[2]
	}
}

// transposePlain turns Groups rows of k values, a multiple of lanes, into k
// rows of Groups.
func transposePlain(c, a []float32, k int) {
	for i := range k {
		for g := range Groups {
			c[i*Groups+g] = a[g*k+i]
		}
	}
}

// pickPlain sets c[j] = b[j] + Σ_i a[i,group[j]]·w[i,j], summed from i = 0
// upwards, for i < k and j < n, a multiple of lanes; a has rows of Groups.
func pickPlain(c, a []float32, group []uint8, w, b []float32, k, n int) {
	copy(c[:n], b)
	for i := range k {
		for j := range n {
			c[j] += float32(a[i*Groups+int(group[j])] * w[i*n+j])
		}
	}
}
