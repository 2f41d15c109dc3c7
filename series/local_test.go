package series

const writerDir = "OMEN_TEST_WRITER_DIR"

func writeUntilKilled(string) {}
