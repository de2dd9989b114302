//! The search orchestrator: leases candidates out and acts on verdicts.
