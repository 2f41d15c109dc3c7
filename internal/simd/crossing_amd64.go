//go:build amd64 && !purego

package autoencoder

//go:noescape
func gather32(c, x *float32, rows *int32, count int, w *float32, ws int)

//go:noescape
func gather8(c, x *float32, rows *int32, count int, w *float32, ws int)

//go:noescape
func othersVector(c, sums, masks, b *float32, n int)

//go:noescape
func transposeVector(c, a *float32, k int)

//go:noescape
func pick40(c, a *float32, group *uint8, w, b *float32, k, n int)

//go:noescape
func pick8(c, a *float32, group *uint8, w, b *float32, k, n int)

func gather(c, x []float32, rows []int32, w []float32) {
	if !vectorised || len(rows) == 0 {
		gatherPlain(c, x, rows, w)
		return
	}
	// The assembly does not check; rows are in ascending order.
	n, most := len(c), int(rows[len(rows)-1])
	_, _ = x[most], w[(most+1)*n-1]
	j := 0
	for ; n-j >= 4*lanes; j += 4 * lanes {
		gather32(&c[j], &x[0], &rows[0], len(rows), &w[j], n)
	}
	for ; j < n; j += lanes {
		gather8(&c[j], &x[0], &rows[0], len(rows), &w[j], n)
	}
}

func others(c, sums, masks, b []float32, n int) {
	if !vectorised {
		othersPlain(c, sums, masks, b, n)
		return
	}
	_, _, _, _ = c[Groups*n-1], sums[Groups*n-1], masks[Groups*n-1], b[n-1]
	othersVector(&c[0], &sums[0], &masks[0], &b[0], n)
}

func transpose(c, a []float32, k int) {
	if !vectorised {
		transposePlain(c, a, k)
		return
	}
	_, _ = c[Groups*k-1], a[Groups*k-1]
	transposeVector(&c[0], &a[0], k)
}

func pick(c, a []float32, group []uint8, w, b []float32, k, n int) {
	if !vectorised {
		pickPlain(c, a, group, w, b, k, n)
		return
	}
	_, _, _, _, _ = c[n-1], a[Groups*k-1], group[n-1], w[k*n-1], b[n-1]
	j := 0
	for ; n-j >= 5*lanes; j += 5 * lanes {
		pick40(&c[j], &a[0], &group[j], &w[j], &b[j], k, n)
	}
	for ; j < n; j += lanes {
		pick8(&c[j], &a[0], &group[j], &w[j], &b[j], k, n)
	}
}
