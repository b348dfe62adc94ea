//! `-c FILE`: the option that every command with a configuration shares.

use std::path::PathBuf;

use clap::Args;

use super::Exit;
use super::output;
use crate::config::Config;
use crate::config::load;
use crate::config::problem::Problems;
use crate::config::secret::Env;

/// Where the configuration is.
#[derive(Debug, Clone, Args)]
pub struct ConfigFile {
    /// The configuration file
    #[arg(
        short = 'c',
        long = "config",
        value_name = "FILE",
        env = "TRAMGAC_CONFIG",
        default_value = "tramgac.yaml"
    )]
    pub path: PathBuf,
}

impl ConfigFile {
    /// Reads it; warnings and problems go to standard error.
    ///
    /// # Errors
    /// [`Exit::Usage`] when there are mistakes, all of which have been printed then.
    pub fn load(&self) -> Result<Config, Exit> {
        match load(&self.path, Env::of_process()) {
            Ok(config) => {
                for warning in config.warnings.as_slice() {
                    output::note(&format!("{warning}\n"));
                }
                Ok(config)
            }
            Err(problems) => Err(told(&problems)),
        }
    }
}

/// Prints problems; they are a usage error.
pub fn told(problems: &Problems) -> Exit {
    output::note(&problems.to_string());
    Exit::Usage
}
