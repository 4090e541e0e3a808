//! A folder as the other end of a connector: [`backup`] makes it equal to what a source holds, and [`restore`]
//! gives what is in it to a destination.

pub mod backup;
mod index;
pub mod restore;
mod tree;
