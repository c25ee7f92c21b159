//! Properties across the files of this module.

mod grammar;
mod meaning;
mod robustness;
mod years;
