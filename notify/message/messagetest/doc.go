// Package messagetest has what tests of package message's senders share: one
// [Suite] of behaviour that every sender passes, fake servers, and messages
// about made-up incidents. It is for tests only and knows no sender.
package messagetest
