//! The search: spaces, genomes, variation, selection and leases; no I/O.
