//! The binary on servers that others wrote: whole lives of the examples, and what goes wrong in between. Each test has
//! an account of its own, so that they run side by side and each can look at all that its account holds.

mod account;
mod lives;
