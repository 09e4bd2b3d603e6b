//! Files as people write them, and what comes of them.
