package message

// The outcomes of a delivery.
const (
	Delivered = "delivered"
	Retrying  = "retrying"
	GaveUp    = "gave_up"
	Skipped   = "skipped"
)

// ReaderPrefix begins the names of the dispatcher's cursors in the journal.
const ReaderPrefix = "notify/"

// Reader is the name of a channel's cursor in the journal. It is stored.
func Reader(channel string) string { return ReaderPrefix + channel }
