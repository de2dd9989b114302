//! The prediction server: services, sessions, limits, health and shutdown.
