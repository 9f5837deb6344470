"""The bridge from charges to fiscal documents: build, issue, stamp."""
