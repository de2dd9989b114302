//! A client that reconnects, resumes and retries only what is safe.
