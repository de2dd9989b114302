//! Candidates, leases and spaces.
