package app

import (
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// connections closes connections that wait for a next request once a server
// has nearly as many as it may have: new ones go before idle ones.
type connections struct {
	crowded int

	mu   sync.Mutex
	open int
	idle map[net.Conn]struct{}
}

func newConnections(limit int) *connections {
	return &connections{crowded: limit * 9 / 10, idle: map[net.Conn]struct{}{}}
}

// changed is a server's ConnState.
func (c *connections) changed(conn net.Conn, to http.ConnState) {
	var surplus []net.Conn
	c.mu.Lock()
	switch to {
	case http.StateNew:
		c.open++
	case http.StateIdle:
		c.idle[conn] = struct{}{}
	case http.StateActive:
		delete(c.idle, conn)
	case http.StateClosed, http.StateHijacked:
		c.open--
		delete(c.idle, conn)
	}
	if c.open > c.crowded {
		for one := range c.idle {
			surplus = append(surplus, one)
		}
		clear(c.idle)
	}
	c.mu.Unlock()
	for _, one := range surplus {
		if t, ok := one.(*tls.Conn); ok {
			one = t.NetConn() // without a farewell, which could block
		}
		_ = one.Close() // its client has gone, or asks again
	}
}
