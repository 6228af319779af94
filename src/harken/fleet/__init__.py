"""Where instances come from: here, processes on this machine."""
