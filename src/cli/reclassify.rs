//! `tramgac reclassify`: a person says afterwards what an outage was.

use clap::ArgMatches;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use hyper::Method;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::errand::Keeper;
use super::output;
use crate::model::IncidentId;
use crate::monitor::incident::IncidentClass;
use crate::web::people::ClassAnswer;
use crate::web::people::ClassBody;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("reclassify", super::command_of::<Reclassify>, run);

/// Say afterwards what an outage was: planned work, a power cut, the provider's fault
///
/// Availability is worked out anew with it: planned counts as maintenance, exempt
/// is left out. What the outage took along is classified with it, and said; each of
/// these may be classified otherwise afterwards. Each time stays on record with its
/// author; the newest holds.
#[derive(Debug, Parser)]
#[command(
    name = "reclassify",
    after_help = "Examples:\n  tramgac reclassify 42 --as power --author lan --comment 'line 35 kV cut, notice 118/TB'\n  \
                  tramgac reclassify 42 --as planned --author lan --comment 'switch replaced, forgot the window'\n\n\
                  Exit codes: 0 it is on record; 1 there is no such incident; \
                  2 usage or configuration error; 3 neither the daemon nor the record can be reached."
)]
struct Reclassify {
    /// The number of the incident, open or ended
    incident: u64,
    #[command(flatten)]
    keeper: Keeper,
    /// What it was
    #[arg(long = "as", id = "class", value_name = "CLASS", value_parser = classes())]
    class: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "TRAMGAC_AUTHOR")]
    author: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comment: String,
}

fn classes() -> PossibleValuesParser {
    PossibleValuesParser::new(IncidentClass::ALL.map(|(_, word)| word))
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Reclassify = super::arguments(matches)?;
    let errand = match arguments.keeper.errand() {
        Ok(errand) => errand,
        Err(exit) => return Ok(exit),
    };
    let id = IncidentId(arguments.incident);
    let body = ClassBody {
        class: arguments.class,
        author: arguments.author,
        comment: arguments.comment,
    };
    let path = format!("/api/v1/incidents/{id}/class");
    let answer = errand.run(Method::POST, &path, Some(&body), |_| body.order(id))?;
    let answer: ClassAnswer = serde_json::from_slice(&answer).map_err(Failure::could_not_look)?;
    output::text(&told(id, &body.class, &answer)).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}

/// Most numbers that are written out.
const SHOWN: usize = 20;

fn told(id: IncidentId, class: &str, answer: &ClassAnswer) -> String {
    let mut text = format!("incident {id} is on record as {class}\n");
    let along = &answer.attached;
    if !along.is_empty() {
        let mut numbers: Vec<String> = along.iter().take(SHOWN).map(ToString::to_string).collect();
        if let Some(more) = along.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            numbers.push(format!("{more} more"));
        }
        let along = format!(
            "so are the {} that it took along: {}\n",
            along.len(),
            numbers.join(", ")
        );
        text += &along;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_took_along_is_told_by_its_numbers() {
        let answer = |n: u64| ClassAnswer {
            attached: (1..=n).collect(),
        };
        assert_eq!(
            told(IncidentId(9), "power", &answer(0)),
            "incident 9 is on record as power\n"
        );
        assert!(told(IncidentId(9), "power", &answer(2)).ends_with("the 2 that it took along: 1, 2\n"));
        assert!(told(IncidentId(9), "power", &answer(25)).ends_with("19, 20, 5 more\n"));
    }
}
