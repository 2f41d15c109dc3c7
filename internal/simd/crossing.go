package simd

// The kernels of autoencoder.Crossing.

// Groups is how many groups of features a crossing hides in turn.
const Groups = 4

// Gather sets c[j] = Σ_i x[rows[i]]·w[rows[i],j] for the len(c) columns,
// a multiple of Lanes, summed from i = 0 upwards; rows ascend.
func Gather(c, x []float32, rows []int32, w []float32) {
	if vectorised && len(rows) > 0 {
		n, most := len(c), int(rows[len(rows)-1])
		_, _ = x[most], w[(most+1)*n-1]
		j := 0
		for ; n-j >= 4*Lanes; j += 4 * Lanes {
			gather32(&c[j], &x[0], &rows[0], len(rows), &w[j], n)
		}
		for ; j < n; j += Lanes {
			gather8(&c[j], &x[0], &rows[0], len(rows), &w[j], n)
		}
		return
	}
	n := len(c)
	clear(c)
	for _, r := range rows {
		v, from := x[r], w[int(r)*n:][:n]
		for j, wj := range from {
			c[j] += float32(v * wj)
		}
	}
}

// Others sets row r of c, n columns each, to b and the sums of all groups
// but r, in their order.
func Others(c, sums, masks, b []float32, n int) {
	if vectorised {
		_, _, _, _ = c[Groups*n-1], sums[Groups*n-1], masks[Groups*n-1], b[n-1]
		othersVector(&c[0], &sums[0], &masks[0], &b[0], n)
		return
	}
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

// Transpose turns Groups rows of k values, a multiple of Lanes, into k
// rows of Groups.
func Transpose(c, a []float32, k int) {
	if vectorised {
		_, _ = c[Groups*k-1], a[Groups*k-1]
		transposeVector(&c[0], &a[0], k)
		return
	}
	for i := range k {
		for g := range Groups {
			c[i*Groups+g] = a[g*k+i]
		}
	}
}

// Pick sets c[j] = b[j] + Σ_i a[i,group[j]]·w[i,j], summed from i = 0
// upwards, for i < k and j < n, a multiple of Lanes; a has rows of Groups.
func Pick(c, a []float32, group []uint8, w, b []float32, k, n int) {
	if vectorised {
		_, _, _, _, _ = c[n-1], a[Groups*k-1], group[n-1], w[k*n-1], b[n-1]
		j := 0
		for ; n-j >= 5*Lanes; j += 5 * Lanes {
			pick40(&c[j], &a[0], &group[j], &w[j], &b[j], k, n)
		}
		for ; j < n; j += Lanes {
			pick8(&c[j], &a[0], &group[j], &w[j], &b[j], k, n)
		}
		return
	}
	copy(c[:n], b)
	for i := range k {
		for j := range n {
			c[j] += float32(a[i*Groups+int(group[j])] * w[i*n+j])
		}
	}
}
